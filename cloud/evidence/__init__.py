"""Evidence: the pictures that belong to events.

settings.py    how much is taken at once, how long it is kept
snapshots.py   pictures in a blob store, by the name of their event
retention.py   old pictures away
worker.py      Pub/Sub to the blob store, acknowledged after the write, receipts down
"""
