"""What holds for every test."""

from hypothesis import settings

# A shared machine may stall for longer than any deadline per example; pytest-timeout watches.
settings.register_profile("wayside", deadline=None)
settings.load_profile("wayside")
