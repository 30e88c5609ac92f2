"""Groups of `wayside-cloud`'s commands, one a module.

configured.py   settings and logging, before a command's work
actor.py        who types it, for the audit
pubsub.py       topics made what they should be; the embedded server
topology_report.py  what `pubsub apply` says
broker.py       amqtt; the configuration of a broker that devices reach from outside
ca.py           certificates of devices, services and servers
revocation.py   a certificate revoked, and what is left to do then
fleet.py        the fleet's database
devices.py      devices: registered, listed, replaced, decommissioned
desired.py      what a device shall be: rules, models
claim.py        claim tokens, with which boards become devices
keys.py         API keys
models.py       models: added, validated, deprecated, revoked; aliases, engines
repository.py   which models devices may take, signed
signed.py       what those share whose change people sign
passphrase.py   passphrases of keys
archive.py      what is archived, into a store again, upkeep
evidence.py     how long pictures are kept
simulate.py     a fleet of devices that are not there
store.py        how long events are kept
erase.py        personal data, everywhere
deadletter.py   what was refused for good: list, show, replay
"""
