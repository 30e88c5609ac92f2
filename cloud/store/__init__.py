"""Events that can be asked for.

port.py               what a store does; EventRecord, questions and answers
records.py            EventBatch into EventRecords
runs.py               seqs without a gap
questions.py          bounds of questions, the same for every store
cursor.py             where a page ended, as text
settings.py           which store, and where
duckdb.py             one file of one process: duckdb_schema.py, duckdb_columns.py (insert),
                      duckdb_queries.py (SQL)
influxdb.py           InfluxDB: lines.py (line protocol), influxql.py (questions over HTTP),
                      influxdb_queries.py (InfluxQL), influxdb_pages.py, influxdb_journal.py
                      (order of ingest), influxdb_series.py (the cap on classes)
"""
