"""The record of a model: immutable, versioned, and everything that is to be known a year later.

record.py    what a record holds
digest.py    its canonical bytes, and the name that follows from them
reading.py   a record's folder, read with care
datasets.py  folders of data by digest
metrics.py   figures by slice, from JSON or CSV
configuration.py  of training and compiling, from YAML or JSON
code.py      the commit that a model was registered from
licence.py   the licence's text that travels with it
golden.py    pictures and what the network makes of them
finds.py     how far the finds of two engines agree
selftest.py  an engine against golden inputs
store.py     a folder of records, where nothing is overwritten
register.py  a model into a store
files.py     whether a folder's files are as recorded
verify.py    whether a folder is what was registered
"""
