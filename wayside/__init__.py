"""The kernel: what both ends need and nothing else.

errors.py      the error tree
settings.py    a YAML file, with line numbers, into a frozen pydantic model
places.py      where in a file an error of pydantic stands
references.py  secrets that settings files name: ${NAME}, ${file:NAME}
paths.py       paths in settings files
remote_rules.py  rules that the fleet sends to a device's cameras
logging.py     structlog, for people or for machines
disk.py        files that are whole and on the disk, or not there
backoff.py     growing waits with jitter
times.py       times as text: RFC 3339, or Unix nanoseconds
net.py         loopback or TLS, nothing between
mqtt/          one MQTT connection that keeps coming back
cli.py         what the command lines share
process.py     signals, and the end of a process that must not live on
malloc.py      one heap for all threads of a process, and its holes given back
systemd.py     signs of life to whoever started the process
"""
