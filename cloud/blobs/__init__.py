"""Blobs: bytes under a key, written once; a folder of this machine or Google Cloud Storage.

port.py      what a blob store does; which keys there are
settings.py  where it is
obstore.py   the port over obstore: a bucket, or memory
folder.py    the port over a folder: obstore's, with writes that outlive a power cut
opened.py    the blob store that the settings name
"""
