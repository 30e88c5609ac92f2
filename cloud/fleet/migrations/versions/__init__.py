"""One module a schema.

v0001_devices.py         the last state of each device
v0002_keys_and_audit.py  API keys, and who did what
v0003_presence_and_lifecycle.py  devices that were not heard of yet, replaced, decommissioned
v0004_erasures.py        what was erased, so that it does not come back
v0005_erasures_in_the_background.py  who carries an erasure out, for whom, and how far it came
v0007_models.py          models by name and version, their aliases and engines
"""
