"""Events to disk, and from there to the broker until a receipt comes back."""
