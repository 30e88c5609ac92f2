"""One file of one process.

store.py     the adapter
schema.py    the file: tables, version, who may open it
columns.py   records into columns, for the insert
queries.py   questions as SQL
rollups.py   counts by minute and hour, kept right as events come and go
counts.py    counts from rollups and events, as SQL
summaries.py  questions for summaries as SQL
erase.py      erased events out of the file
readers.py    who uses the file, so that another one can take its place
retention.py  old events out of the file
"""
