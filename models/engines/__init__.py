"""Networks that run: the port and its adapters.

port.py          what an engine is
onnxruntime.py   ONNX Runtime
loading.py       a file into an engine, checked against its manifest
"""
