"""google.pubsub.v1 on one machine: durable, loopback only, no stub code.

Read it in the order of a message:

server.py        the process: starts, ticks, stops
rpc.py           which method answers which call
publisher.py     requests of google.pubsub.v1.Publisher
subscriber.py    requests of google.pubsub.v1.Subscriber
streaming.py     one StreamingPull
schemas.py       requests of google.pubsub.v1.SchemaService
catalog.py       topics and subscriptions
live.py          one topic, one subscription, in memory
registry.py      schemas
definitions.py   which of our messages a schema's text means; pure
masks.py         updates by field mask
delivery.py      a message's way: to disk, into windows, to consumers, away
dead_letter.py   what a message becomes on its way to the dead-letter topic
window.py        a subscription's messages in memory; pure, every rule of leases and order
policy.py        what a subscription's configuration asks for; pure
validation.py    what Google refuses; pure
messages.py      a message, a consumer, an ack id
storage.py       SQLite
committer.py     the storage's thread: many requests, one commit
pages.py         lists in pages
errors.py        the error tree
"""
