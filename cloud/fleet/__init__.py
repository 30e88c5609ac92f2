"""What is known of each device, and who may ask: tables of SQLite or PostgreSQL.

settings.py   where the database is
database.py   connections and transactions, by SQLAlchemy
schema.py     the tables, as the newest migration leaves them
migrate.py    which schema a database has, and how it gets the newest
migrations/   the schemas, one after the other
order.py      which of two states of a device is the newer one
devices.py    the last state of each device
presence.py   states from Pub/Sub into the table
api_key.py    keys as text, and the roles that they give
keys.py       keys: created, verified, revoked
audit.py      who did what
"""
