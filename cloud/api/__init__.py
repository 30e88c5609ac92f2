"""HTTP answers: JSON, and RFC 9457 problems where there is none to give.

settings.py   where it listens
app.py        the application, made of a store, the devices and what must run
events.py     /v1/events, /v1/counts
devices.py    /v1/devices
health.py     /healthz, /readyz
models.py     the answers' shapes
times.py      RFC 3339 to the nanosecond
problems.py   what a client is told when something is wrong
"""
