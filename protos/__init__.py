"""The wire between edge and cloud.

v1/          messages (`*.proto`) with the generated code beside them
ids.py       device, boot, lane, seq: what names an event
topics.py    MQTT topics, made and taken apart
enrolment.py how a device asks for its certificate over HTTP
codec.py     bytes to messages and back, bounded and with one error type
readable.py  messages as plain values, for people and for JSON
errors.py    the error tree
"""
