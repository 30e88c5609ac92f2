"""A Pub/Sub server and a broker for one machine."""
