"""InfluxDB: line protocol in, InfluxQL out.

store.py      the adapter
lines.py      records as line protocol
influxql.py   statements over HTTP, and what comes back
queries.py    questions as InfluxQL
pages.py      pages of events
journal.py    the order of ingest
series.py     the cap on a camera's classes
"""
