"""What the agent says of itself to programs that watch, over HTTP on this machine.

settings.py    where
view.py        what is told, at one moment
exposition.py  as Prometheus reads it
health.py      does it live, is it ready, and why not
server.py      /metrics, /healthz, /readyz
"""
