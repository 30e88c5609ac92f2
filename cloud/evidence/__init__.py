"""Evidence: the pictures that belong to events.

settings.py    how much is taken at once
snapshots.py   pictures in a blob store, by the name of their event
worker.py      Pub/Sub to the blob store, acknowledged after the write, receipts down
"""
