"""What is wrong with this device and its settings, and how to mend it.

finding.py   what one look came to
machine.py   clock, OpenCV, accelerator
disk.py      where events wait
clips.py     what will make clips, and whether there is room
network.py   each network: is it here, does it run, how fast
identity.py  the device's own certificate
broker.py    the way to the broker, step by step
camera.py    each camera: does it answer, with what
examine.py   all of these in a row; read this first
"""
