"""InfluxDB: line protocol in, InfluxQL out.

store.py      the adapter
lines.py      records as line protocol
writer.py     lines over HTTP: compressed, tried again, the bad ones found
influxql.py   statements over HTTP, and what comes back
queries.py    questions as InfluxQL
pages.py      pages of events
summaries.py  summaries of events
journal.py    the order of ingest
series.py     the budget of series
access.py     token and TLS
retention.py  how long a bucket keeps events
buckets.py    the buckets API of 2.x
deletes.py    points out of a bucket
erase.py      erased events out of a bucket
rollups.py    which minutes rollups answer, and which are counted again
rollup_tables.py  what rollups are kept in
rollup_job.py     the rounds that keep them
rollup_reader.py  counts from them
rolling.py    the thread of the rounds
"""
