"""Frames through a detector, by as many workers as pay.

port.py       what a detector is
settings.py   number of workers, and when one is stuck
probe.py      how many workers pay, measured
burst.py      results that are handed on together
timed.py      how long each step of a detector takes
workers.py    the threads; results in the order of the frames
upgrade.py    a faster engine, made ready in the background
proof.py      does it answer the same?
"""
