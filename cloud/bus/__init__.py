"""Pub/Sub: the topology, and clients for it.

port.py               what publishes, what subscribes, what a message is
settings.py           where Pub/Sub is
topology.py           topics, subscriptions and schemas
plan.py               what it takes to have a project as the topology wants it; pure
resources.py          the topology in Google's words, and back; pure
admin.py              a project on a server: read, and a plan carried out
apply.py              makes what is missing, when a process starts
deadline.py           requests that are tried until there is an answer
groups.py             messages of a subscription in groups, for whoever handles many at once
batches.py            messages gathered into requests; no I/O
google_publisher.py   the port's publisher over Google's API client
google_subscriber.py  the port's subscriber over google-cloud-pubsub
attributes.py         names of attributes
dead_letters.py       what is refused for good, with the reason
dead_letter_box.py    the dead letter's subscription, looked through without losing anything
push_message.py       a push request into a message
push_token.py         the token of a push request
client.py             Google's clients, for Google or for a server on this machine
"""
