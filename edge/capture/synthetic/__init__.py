"""A camera that is not there: objects whose places are known exactly, and faults on command.

scene.py    what is to be seen, its truth, and the URL that describes it
faults.py   which faults are in force: by schedule, or by a file that anybody writes
video.py    the pictures as a video that is paced, breaks and hangs as told
"""
