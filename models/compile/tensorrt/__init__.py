"""A network compiled to a TensorRT engine: in a process of its own, kept under all that it is of.

options.py   what is asked for
network.py   an ONNX file into an engine's bytes; where versions of TensorRT differ
messages.py  what TensorRT says while it builds: its errors, its progress
worker.py    the process that builds
build.py     that process, seen from the one that waits for it
record.py    what is known of an engine: a file beside it
cache.py     the engines of a folder
failures.py  builds that failed, not begun again at each start
compiler.py  from a network to an engine, by the cache or by building it
"""
