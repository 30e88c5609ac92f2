"""One file of one process.

store.py     the adapter
schema.py    the file: tables, version, who may open it
columns.py   records into columns, for the insert
queries.py   questions as SQL
summaries.py  questions for summaries as SQL
retention.py  old events out of the file
"""
