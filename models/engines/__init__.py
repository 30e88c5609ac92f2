"""Networks that run: the port and its adapters."""
