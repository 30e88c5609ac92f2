"""Pub/Sub to the store, acknowledged after the write, with receipts down.

settings.py    how much is gathered, and for how long; the push endpoint's
worker.py      messages gathered by one thread, the waits while the store is away
handler.py     what becomes of each: one write, the dead letter, receipts, acknowledgements
receipts.py    stored ranges, coalesced, down to their devices
push_door.py   pushed messages as a subscription: the worker's second door
push.py        the push endpoint: token, size, body, answer
"""
