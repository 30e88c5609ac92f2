"""One module a schema.

v0001_devices.py         the last state of each device
v0002_keys_and_audit.py  API keys, and who did what
"""
