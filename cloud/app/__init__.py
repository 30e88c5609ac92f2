"""One composition module a process; only these name concrete adapters, and import them late.

up.py           everything on one machine: broker, Pub/Sub, bridge, serve
run_folder.py   where `up` works: its lock, and the settings in force
ready.py        whether `serve` can do its work
bridge.py       MQTT to Pub/Sub and back
serve.py        store, ingest and API: the one process that holds the database file
"""
