"""Frames through a detector, by as many workers as pay."""
