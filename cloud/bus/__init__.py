"""Pub/Sub: the topology, and clients for it.

port.py               what publishes, what subscribes, what a message is
settings.py           where Pub/Sub is
topology.py           topics and subscriptions
apply.py              makes those that are missing
google_publisher.py   the port's publisher over google-cloud-pubsub
google_subscriber.py  the port's subscriber over google-cloud-pubsub
attributes.py         names of attributes
dead_letters.py       what is refused for good, with the reason
client.py             Google's clients, for Google or for a server on this machine
"""
