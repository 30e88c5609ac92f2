"""One composition module a process; only these name concrete adapters, and import them late.

up.py       everything on one machine: broker, Pub/Sub, bridge, serve
bridge.py   MQTT to Pub/Sub and back
serve.py    store, ingest and API: the one process that holds the database file
"""
