"""Groups of `wayside-cloud`'s commands, one a module.

configured.py   settings and logging, before a command's work
pubsub.py       the embedded server
broker.py       amqtt
"""
