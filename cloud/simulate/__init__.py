"""A fleet of devices that are not there: what does a cloud bear, and does it lose anything?

plan.py      how many devices, how fast, how unruly
events.py    what the camera of a simulated device sees
outbox.py    batches until their receipts, in memory
faults.py    duplicates and disorder, on purpose
client.py    one MQTT connection on an asyncio loop
device.py    one device: connection after connection, birth, heartbeats, batches, receipts
fleet.py     all of them in one loop, and the storms
tally.py     what happened, counted
report.py    the same for people and programs
"""
