"""Areas into events: lanes that are left, shares and outlines of what the picture shows.

port.py        what takes the areas of successive frames
engine.py      one camera's areas into drafts, frame by frame; read this first
settings.py    rules about areas
departure.py   who leaves the lane
lanes.py       where in its lane a vehicle is
shares.py      shares and outlines, every so often
outlines.py    masks as polygons of few corners
places.py      places of a map as shares of the picture
"""
