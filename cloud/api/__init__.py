"""HTTP answers: JSON, and RFC 9457 problems where there is none to give.

settings.py   where it listens, and whom it lets in
parts.py      what the application is made of
app.py        the application: routes over these parts
gate.py       before every route: nobody passes without a key, writes leave a trace
body.py       how large a request may be, and how slow
access.py     who asks, and which role a route needs
events.py     /v1/events, /v1/counts
snapshots.py  /v1/events/{device}/{boot}/{lane}/{seq}/snapshot
summaries.py  /v1/latest, /v1/zones/top, /v1/heatmap, /v1/dwell
devices.py    /v1/devices
registry.py   /v1/models
repository.py /v1/repository
desired.py    /v1/devices/{device}/desired, /v1/devices/{device}/updates
keys.py       /v1/keys
enrolment.py  /v1/enrolments, /v1/renewals: by claim token or certificate, without a key
erasures.py   /v1/erasures
audit.py      /v1/audit
documentation.py  /docs, /openapi.json: which routes take a key
health.py     /healthz, /readyz
filters.py    what questions are narrowed down by
models.py     the answers' shapes
event_details.py  what only some kinds of events have
device_models.py  the shapes of answers about devices
desired_models.py  the shapes of what devices shall be, and of their updates
summary_models.py  the shapes of summaries
registry_models.py  the shapes of answers about models
times.py      RFC 3339 to the nanosecond
problems.py   what a client is told when something is wrong
"""
