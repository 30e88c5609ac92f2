"""What is known of each device, and who may ask: tables of SQLite or PostgreSQL.

settings.py   where the database is, and when a device is missed
url.py        which URLs may name it
database.py   connections and transactions, by SQLAlchemy
schema.py     the tables, as the newest migration leaves them
migrate.py    which schema a database has, and how it gets the newest
migrations/   the schemas, one after the other
order.py      which of two states of a device is the newer one
presence.py   whether a device is there
device.py     one device: its row, and what that says
devices.py    the last state of each device
intake.py     messages of devices from Pub/Sub into a table
worker.py     states into the table
lifecycle.py  devices registered, replaced, decommissioned
api_key.py    keys as text, and the roles that they give
keys.py       keys: created, verified, revoked
claim_token.py  claim tokens as text
claims.py     claim tokens: created, used up, revoked
audit.py      who did what
backup.py     all of it into a file while it is in use, and back
backup_file.py  what stands in that file
erasures.py   what was erased, so that it does not come back
"""
