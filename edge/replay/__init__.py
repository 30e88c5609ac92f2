"""The events of a recording: every frame, one after the other, the same bytes each time.

frames.py    a recording's frames, captured from a given time on
events.py    frames through networks, tracker and rules
lines.py     events as JSON Lines, named without a boot
output.py    where the lines go
run.py       all put together from a settings file
"""
