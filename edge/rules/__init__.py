"""Tracks into events: zones, lines, the life of objects. No I/O, and no clock but the frames'.

port.py        a draft of an event, and its lane
settings.py    named zones and lines, rules that refer to them, and what is worth an update
geometry.py    how far inside a polygon, on which side of a line, through it or around it
columns.py     one column an object: state that grows and shrinks with the tracks
objects.py     the living objects of a camera as arrays
scope.py       whom rules watch, and their hysteresis, as arrays
zone.py        who is in which zone since when
line.py        who crossed which line in which direction
lifecycle.py   when an object has changed enough to be told again
events.py      the messages themselves
engine.py      one camera's tracks into drafts, frame by frame; read this first
"""
