"""Sources of frames, and the slot between them and inference.

port.py        what a source is, what a frame is, and what a video is
settings.py    a camera's source, at which pace, and what it may take
redaction.py   what may be shown of a source: no password
clock.py       presentation timestamps and arrival mapped to wall time
machine.py     the life of a camera: what happened into what is to be done, pure
soundness.py   whether pictures are fresh, whole, and of the size they were
reader.py      reads a camera into its slot, as the machine decides
attempt.py     the thread that opens a source once, and reads it until it breaks
slot.py        the newest frame of a camera, or every frame of a file
thinning.py    fewer frames than a camera brings
sources.py     files and streams as sources, timed
decoders.py    who decodes: what the settings want and what the machine has
opencv.py      videos by OpenCV, its errors translated
pipelines.py   GStreamer pipelines and ffmpeg command lines, as text
y4m.py         pictures that another program writes into a pipe
folder.py      a folder of pictures as a video
synthetic/     a camera that is not there, with exact truth and faults on command
"""
