"""Networks that run: the port and its adapters.

port.py          what an engine is
onnxruntime.py   ONNX Runtime
tensorrt.py      TensorRT, by pycuda
tensorrt_library.py  which TensorRT there is
gpu.py           which GPU there is
deviation.py     how far two engines differ
switching.py     one engine replaced by another while threads run it
loading.py       a file into an engine, checked against its manifest
"""
