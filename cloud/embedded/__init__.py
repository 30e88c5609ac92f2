"""A Pub/Sub server and a broker for one machine.

settings.py     the Pub/Sub server's limits
pubsub/         google.pubsub.v1: durable, loopback only
broker/         an MQTT broker: Mosquitto, or one in this process
supervisor.py   child processes that are started again
"""
