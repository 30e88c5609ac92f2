"""MQTT to Pub/Sub and back."""
