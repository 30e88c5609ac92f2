"""One composition module a process; only these name concrete adapters, and import them late.

up.py           everything on one machine: broker, Pub/Sub, bridge, serve
run_folder.py   where `up` works: its lock, and the settings in force
ready.py        whether `serve` can do its work
bridge.py       MQTT to Pub/Sub and back
push.py         ingest as an endpoint that Pub/Sub pushes to
serve.py        store, ingest and API: the one process that holds the database file
store.py        the store that the settings name
retention.py    how long that store keeps events, for `store apply`
enrol.py        a device expected, and given its certificate
repository.py   the signed repository, with whoever works at it
listings.py     who is asked what may be ordered
proposal_file.py  proposals as they travel between machines
erase.py        all that `erase` reaches
http.py         an application on a port
"""
