"""Erasure: a device's or a time's personal data gone everywhere, and kept from coming back.

ranges.py    what was erased: devices and captured times
erasing.py   what would go from store, archive and pictures, and its going
worker.py    erasures in the background of `serve`
guard.py     a store that takes nothing of what was erased
"""
