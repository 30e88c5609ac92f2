"""Events to disk, and from there to the broker until a receipt comes back.

Down to the disk, by the pipelines' threads and one writer:

settings.py         limits of the outbox and of the forwarder
rows.py             what the outbox holds, and how it is named
pictures.py         a picture of an event as it travels
staging.py          drafts in memory, bounded, until the next commit
schema.py           the SQLite file: made, opened, moved aside when it is broken
privacy.py          folder and files for the agent alone
ledger.py           rows and sequences in that file, one transaction at a time
losses.py           what was given up, until the cloud knows it (EVENTS_LOST)
condense.py         losses in fewer records
dates.py            since when the clock of each start was right
eviction.py         what goes first when space runs out
ageing.py           what is too old to be kept
commit.py           one transaction: receipts out, drafts in, losses said, room made
writer.py           the one thread that writes, and keeps trying while the disk refuses
outbox.py           all of that together: append, read, delete
clock.py            is the wall clock disciplined

And out, by one thread that decides and the connection's that listens:

ranges.py           sets of sequence numbers
batches.py          rows into payloads: EventBatch, and Snapshot as it is
gates.py            which lane may send: refusals, and nobody there
trials.py           what is known of each message that went out
window.py           the messages that are out
receipt_timeout.py  how long a receipt may take
todo.py             what is fresh, and what is old and waits for its turn
pace.py             when old events may go
congestion.py       how many of them may be without a receipt
flight.py           what to send next, and what to send again: no I/O
forwarder.py        the outbox through the flight to the uplink
uplink.py           the one MQTT session of the device, shared
"""
