"""Detections into tracks.

port.py          what the tracker hands to the rules
settings.py      thresholds and the seconds of a track's life
motion.py        where boxes will be: Kalman filters of all tracks at once
association.py   which detection belongs to which track: two stages, grown boxes, no jumps
assignment.py    the assignment of least cost, by SciPy's solver alone
lives.py         what is remembered of each track
tracker.py       the life of tracks, from tentative to ended; read this first
"""
