"""Evidence: pictures of what events tell, clips of what was around them, and what nobody may see.

port.py       what the outbox takes over: pictures, and names that it gives
settings.py   per camera: masks, pictures, clips; for the device: where clips are kept

assembly.py   the evidence of all cameras put together
camera.py     one camera's evidence, between its reader and the outbox; read this first
masks.py      polygons painted out of pictures
score.py      how well a picture shows an object
shots.py      the best picture of each object that lives
cutter.py     the last seconds of a camera, and which of them become a clip
recorder.py   frames into the cutter, by a thread of the camera's own
opencv.py     paint, scale, compress: the adapter

writer.py     clips into files, by one thread of the device
encoding.py   H.264 by an ffmpeg process, or the pictures as they are
matroska.py   pictures and their times as a file
folder.py     the files: whole or not at all, private, bounded
listing.py    what a folder of clips holds, for people
stats.py      what became of it all, in figures
"""
