"""A network made ready for a board: its graph prepared, and proven to find the same.

bake.py      pre-processing into the graph: uint8 pictures in, as a camera gives them
batch.py     the number of pictures at once, fixed or free
fold.py      constants folded, what does nothing removed
parity.py    the prepared network against the original, on real frames
prepare.py   these four, for `wayside-models prepare`
pictures.py  whether frames are pictures at all
judge.py     whether a network that was changed still finds what it found, or what is labelled
half.py      FP16, kept only when it still sees
quantise.py  INT8 by calibration, likewise
written.py   a network and its manifest, written together
tensorrt/    a network compiled to a TensorRT engine
"""
