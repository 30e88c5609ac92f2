"""Who a device is: certificates of our own small CA, and a broker that believes nothing else.

settings.py      where the CA is kept, how long its certificates last, limits of the broker
identities.py    devices, services, servers, and the common names they go by: pure
certificates.py  X.509: root, certificates, revocation list: pure
signing_request.py  whose key somebody wants certified: pure
files.py         files that are there whole or not at all, keys for nobody else's eyes
registry.py      serial numbers and their states, in SQLite
authority.py     the CA: what it issues, revokes and lists
proof.py         does somebody hold the certificate that they want renewed?
mosquitto.py     configuration and access list of a Mosquitto that devices reach from outside
eviction.py      a revocation cuts the live session
"""
