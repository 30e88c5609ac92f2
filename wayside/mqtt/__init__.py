"""One MQTT connection that keeps coming back, and remembers nothing.

MQTT 5 where the broker has it, 3.1.1 where not. Every connection is a clean one with a
client of its own: what was in flight when a connection broke is the caller's to send again
(decision 5), so nothing is queued here while there is no connection.

settings.py     where the broker is and who we are to it
credentials.py  the files that say who we are to it
refusals.py     why a broker refuses our certificate
messages.py     what comes, what goes, who is told
gathering.py    a socket that reads and writes many packets at once
loop.py         the network loop of a connection
connection.py   one paho client, from CONNECT to its end
session.py      connection after connection
probe.py        would the broker let us in, and why not?
"""
