"""An event: `bridge -> bus -> ingest -> store -> api`.

settings.py    the cloud's YAML file
errors.py      the error tree
bus/           Pub/Sub: topology, and the real client made for Google, its emulator or ours
bridge/        MQTT to Pub/Sub and back; remembers nothing
ingest/        Pub/Sub to the store, acknowledged after the write, with receipts down
deadletter/    what was refused for good: looked at, and sent again
store/         events that can be asked for: port.py, DuckDB, InfluxDB
blobs/         bytes under a key: a folder or a bucket
archive/       every batch in Parquet files, and back into a store
evidence/      pictures of events
erasure/       what is let go of for good, everywhere
fleet/         what is known of each device
identity/      who a device is: a CA, and a broker that believes it
repository/    which models devices may take, signed
api/           HTTP answers
simulate/      a fleet of devices that are not there
embedded/      a Pub/Sub server and a broker for one machine
app/           one composition module a process: the only ones that name concrete adapters
commands/      groups of its commands, one a module
cli.py         wayside-cloud
"""
