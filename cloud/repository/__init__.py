"""The signed repository: which models devices may take, as files that anybody may serve.

roles.py       the names of roles, files and targets
settings.py    where it is, and how long signatures last
port.py        what it needs of the registry of models
record_store.py  a folder of records in place of a registry
signing.py     keys: made, kept in files, and signing
family.py      what is signed of a family, and what may follow
trust.py       who may sign what: root and targets
standing.py    what stands, each file proven by the one that names its keys
proposal.py    a change on its way: what is to be signed, and who has
provenance.py  what a proposal says was in force, proven from a signer's root
changes.py     what people ask for, as proposals
words.py       what a proposal changes, for whoever is to sign it
plan.py        whether a proposal may be published, and what has to be written
online.py      snapshot and timestamp: what the server signs by itself
watch.py       what will bite, before it does
agreement.py   where the registry says something else
lookout.py     looks again and again, for `wayside-cloud serve`
storage.py     the files in a blob store
publishing.py  changes and news in the order that holds
"""
