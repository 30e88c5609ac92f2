"""Pub/Sub to the store, acknowledged after the write, with receipts down.

settings.py   how much is gathered, and for how long
worker.py     batches in, one write, acknowledgements, receipts asked for
receipts.py   stored ranges, coalesced, down to their devices
"""
