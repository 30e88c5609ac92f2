"""Sources of frames, and the slot between them and inference.

port.py       what a source is, and what a frame
settings.py   a camera's source: file, RTSP, HTTP or USB; never shows a password
clock.py      presentation timestamps and arrival mapped to wall time
opencv.py     videos by OpenCV, its errors translated
sources.py    files and streams as sources
reader.py     the thread that reads a source into a slot, and opens it again
slot.py       the newest frame of a camera, or every frame of a file
"""
