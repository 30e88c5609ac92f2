"""Schemas of the fleet's database, one after the other; run by `cloud/fleet/migrate.py`.

versions/   one module a schema, named by its number; never changed once released
"""
