"""Events that can be asked for."""
