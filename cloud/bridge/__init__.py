"""MQTT to Pub/Sub and back; remembers nothing.

settings.py    limits
routing.py     which message goes where, with which attributes, or why not: pure
uplink.py      devices to Pub/Sub; a PUBACK only after Pub/Sub has taken the message
downlink.py    Pub/Sub to devices
rate_limit.py  how many messages a device may be sent: pure
bridge.py      the two on one MQTT connection
"""
