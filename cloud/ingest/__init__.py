"""Pub/Sub to the store."""
