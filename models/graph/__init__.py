"""An ONNX file as a graph: read with care, measured, recognised.

read.py        the file, refused where it is damaged or reaches outside of itself
shapes.py      tensors, their shapes and sizes
limits.py      what it may hold, where it comes from a stranger
cost.py        operations, parameters, memory
recognise.py   the family that the outputs look like, and why
draft.py       a manifest to start from
inspection.py  all of it, for `wayside-models inspect`
"""
