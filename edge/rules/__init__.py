"""Tracks into events: zones, lines, the life of objects. No I/O, and no clock but the frames'.

port.py        a draft of an event, and its lane
engine.py      one camera's tracks into drafts, frame by frame; read this first
watches.py     all rules of a camera, kind by kind
scene.py       one frame as the rules see it

settings.py    what is drawn, rules that refer to it, and what is worth an update
kinds.py       settings of rules, one class a kind
shapes.py      settings of zones, lines and the ground
schedule.py    when a rule looks, across daylight saving
fields.py      what settings are made of

objects.py     the living objects of a camera as arrays
columns.py     one column an object: state that grows and shrinks with the tracks
latch.py       a fact that holds, or no longer holds, once it did so long enough
trail.py       what was measured within the last seconds, and how fast it changes
geometry.py    how far inside a polygon, on which side of a line, through it or around it
scope.py       whom rules watch and when, and their hysteresis, as arrays
presence.py    who is in which zone since when
crossing.py    who crossed which line in which direction
ground.py      where on the ground objects stand, and how fast they move
names.py       classes and models by name, where the model changes while objects live on
hit.py         what a rule found, and how often it may say so

zone.py        who enters and leaves zones
line.py        who crosses lines
dwell.py       who stays for long
occupancy.py   how many are in a zone
counts.py      how many crossed, or were there, in an interval
wrong_way.py   who moves in the wrong direction
speed.py       who is too fast
proximity.py   which two are too near each other
collision.py   what a vehicle will run into
areas/         the same for areas: lanes, shares and outlines
lifecycle.py   when an object has changed enough to be told again
events.py      the messages themselves
"""
