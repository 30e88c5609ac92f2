"""Events that can be asked for.

port.py        what a store does; EventRecord, questions and answers
records.py     EventBatch into EventRecords
runs.py        seqs without a gap
summaries.py   latest, zones, heat map, dwell: questions and answers
questions.py   bounds of questions, the same for every store
cursor.py      where a page ended, as text
halves.py      the few that are refused among many
retention.py   how long events are kept
upkeep.py      a thread for work that comes round again
settings.py    which store, and where
duckdb/        one file of one process
influxdb/      InfluxDB: line protocol in, InfluxQL out
"""
