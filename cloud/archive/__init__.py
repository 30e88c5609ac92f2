"""The archive: every batch as it came, in Parquet files by day and share of the devices.

settings.py    how much is gathered into a file, how long files are kept
keys.py        names of files, and what they tell without being opened
rows.py        batches into rows and back
parquet.py     rows into a file's bytes and back, by DuckDB
archive.py     the files in a blob store
worker.py      Pub/Sub to the archive, acknowledged after the write
listing.py     what there is, for people
replay.py      the archive into a store
upkeep.py      small files into large ones, old ones away
erase.py       erased rows out of the files
"""
