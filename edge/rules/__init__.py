"""Tracks into events."""
