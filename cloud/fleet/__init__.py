"""What is known of each device: thin, it holds the last state that each one reported.

settings.py   where the database is
order.py      which of two states of a device is the newer one
devices.py    the table, by SQLAlchemy: SQLite or PostgreSQL
presence.py   states from Pub/Sub into the table
"""
