"""Frames of all cameras through the networks that look at them.

port.py        what a network is
settings.py    threads, batches, each camera's share, and when an inference is stuck
probe.py       how many workers pay, measured
scheduler.py   one network for all cameras; read this first
batching.py    how many frames go together
turns.py       whose frame is next
feed.py        one camera's frames on their way, results in their order
burst.py       results that are handed on together
upgrade.py     a faster engine, made ready in the background
proof.py       does it answer the same?
"""
