"""Pictures and videos through a network: drawn, and written down as COCO or CSV.

sources.py   the pictures and videos of a path
rows.py      what one frame showed, as rows of plain values
journal.py   what was seen so far, so that a run that broke off goes on
formats.py   a journal as COCO JSON, or as CSV
run.py       all of it, for `wayside-models predict`
"""
