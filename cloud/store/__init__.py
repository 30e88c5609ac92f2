"""Events that can be asked for.

port.py        what a store does; EventRecord, questions and answers
records.py     EventBatch into EventRecords
runs.py        seqs without a gap
questions.py   bounds of questions, the same for every store
cursor.py      where a page ended, as text
settings.py    which store, and where
duckdb/        one file of one process
influxdb/      InfluxDB: line protocol in, InfluxQL out
"""
