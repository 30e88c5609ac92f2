"""MQTT to Pub/Sub and back; remembers nothing.

settings.py    limits
routing.py     which message goes where, with which attributes, or why not: pure
election.py    which bridge takes the messages where MQTT 3.1.1 gives them to all: pure
presence.py    the election on a connection
uplink.py      devices to Pub/Sub; a PUBACK only after Pub/Sub has taken the message
downlink.py    Pub/Sub to devices
rate_limit.py  how many messages a device may be sent: pure
bridge.py      the two on one MQTT connection
"""
