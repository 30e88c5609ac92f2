"""A frame: `capture -> infer -> track -> rules -> publish`, one process, threads.

settings.py    the agent's YAML file
errors.py      the error tree
capture/       sources of frames, and the slot that keeps the newest
infer/         frames through a detector, by as many workers as pay
track/         detections into tracks
rules/         tracks into events: zones, lines, the life of an object
sensors/       where the device is, and what else it senses beside its cameras
publish/       events to disk, and from there to the broker until a receipt comes back
pipeline.py    one camera from frame to events; read this first
meter.py       a pipeline's figures
watchdog.py    ends a process in which work is stuck
heartbeat.py   how the device says that it lives
health.py      how agent and machine do
agent.py       all cameras, until nothing is left to do
status.py      what the agent says of itself in a file
network.py     the network that serves, and the faster engine that takes over from it
app.py         all put together; only it, network.py and sensors/assembly.py name adapters
cli.py         wayside-edge
"""
