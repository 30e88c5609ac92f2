"""One composition module a process."""
