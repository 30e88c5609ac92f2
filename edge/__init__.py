"""A frame: `capture -> infer -> track -> rules -> publish`, one process, threads.

settings.py    the agent's YAML file
desired.py     what the fleet wants the cameras to watch
changes.py     what differs between settings, and whether a running agent can take it
reload.py      new settings for a running agent
camera_settings.py  a camera in it
model_settings.py   a network in it
misfits.py     do cameras and networks fit?
effective.py   what a settings file and the environment come to, value by value
errors.py      the error tree
capture/       sources of frames, and the slot that keeps the newest
infer/         frames of all cameras through each network
track/         detections into tracks
rules/         tracks into events: zones, lines, the life of an object
sensors/       where the device is, and what else it senses beside its cameras
evidence/      pictures and clips of what happened, and what nobody may see
identity/      the device's key and certificate: enrolled, renewed
publish/       events to disk, and from there to the broker until a receipt comes back
pipeline.py    one camera from frame to events; read this first
histogram.py   numbers counted by bucket: how long each stage takes
area_line.py   one camera from frame to events about areas, beside it
meter.py       a pipeline's figures
watchdog.py    ends a process in which work is stuck
heartbeat.py   how the device says that it lives
device_state.py  what only the agent knows of itself, for the heartbeat
health.py      how agent and machine do
board.py       how warm the machine is, and how busy its GPU
nvml.py        how a graphics card of NVIDIA's does
agent.py       all cameras, until nothing is left to do
status.py      what the agent says of itself in a file
ota/           updates of models: believed by signatures, never at the price of what serves
telemetry/     what it says over HTTP: /metrics, /healthz, /readyz
network.py     a network that serves, and the faster engine that takes over from it
networks.py    all networks that cameras use, each with its scheduler
assembly.py    a camera's pipeline put together
app.py         all put together; only it, these three and three rooms' assembly.py name adapters
replay/        the events of a recording, the same bytes each time
bench/         how long each stage takes on this board, and whether its cameras fit
doctor/        what is wrong with a device and its settings, and how to mend it
cli.py         wayside-edge
"""
