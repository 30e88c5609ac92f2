"""A broker for one machine.

settings.py     where it listens, and which one it is
mosquitto.py    Mosquitto with a generated configuration
amqtt.py        amqtt in a process of its own, only where no Mosquitto is to be had
"""
