"""Updates of models: believed by signatures alone, and never at the price of what serves.

port.py        what the life of an update needs of trust; read this, then machine.py
states.py      the states of an update, and the codes of what can go wrong
settings.py    where updates come from, and how fast they may
update_settings.py  when they may, and what a model on trial must show

refusal.py     an error from a code
documents.py   signed metadata out of bytes, within bounds
signatures.py  has a role signed?
verify.py      the rules of the TUF client workflow; pure
releases.py    our own rules: what a family's key says of its releases; pure
takeable.py    which of them this device may take; pure
marks.py       the highest that was ever trusted, which never falls; pure
time_floor.py  the time by which expiry is judged; pure
durable.py     what the disk refuses, as errors of updates
high_water.py  the marks, kept
trusted_store.py  the metadata that was trusted, kept
client.py      metadata from the network, through the rules, into the store
repository.py  what may run on this device; reads best from here
pacing.py      not too fast for the line, not too slow to be honest; pure
connections.py  over HTTP(S), which another thread can cut
fetch.py       one answer, with an eye on the clock
downloads.py   files that are gone on with where they were cut off
trust.py       the trust half put together

life.py        what is remembered of an update, what can happen, what is to be done
machine.py     what happened into what is to be done; pure
probation.py   does a model on trial see as the incumbent did? pure
window.py      when updates may come; pure
sealed.py      small files whose damage is told
journal.py     lives and reports on disk
whole.py       a record's folder, looked at byte by byte
slots.py       two slots a family: one is committed, one is to try in
starts.py      starts that came to nothing: a committed model that ends the agent is left out
serving.py     what is needed of the networks that look at frames
hot_swap.py    those of the agent, exchanged between two frames
sightings.py   what a network finds, counted for probation
performer.py   does what was decided
worker.py      the thread that does it, one after the other
revocations.py  what was revoked gives way
lookout.py     the thread that looks whether anything was
reports.py     what the cloud is told
driver.py      a life is on disk before its effects are begun
updater.py     the part of the uplink that takes orders
assembly.py    the life half put together
"""
