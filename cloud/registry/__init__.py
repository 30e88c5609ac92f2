"""Models by name and version: what they are made of, how far they came, what stands for them.

settings.py    how large a model may be, and what it may hold
states.py      the states of a model, and which may follow which
model.py       what is known of a model, a family, an alias, an engine
report.py      what a validation found out
acts.py        one act: a transaction, and the line of the audit that tells of it
catalogue.py   the table of models
aliases.py     the table of aliases
engines.py     the table of engines
listing.py     what of it can be ordered
artefacts.py   bytes under their sha256, in the blobs
registry.py    all of these together: added, validated, released, revoked
validation.py  a model validated, and what came of it in words
child.py       a process of its own for a stranger's file
worker.py      that process
examination.py what it looks at
check.py       whether everything is still there
"""
