"""Pub/Sub: the topology, and clients for it."""
