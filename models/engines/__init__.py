"""Networks that run: the port and its adapters.

port.py          what an engine is
choice.py        engines by name
loading.py       a file into an engine, checked against its manifest
onnxruntime.py   ONNX Runtime: ONNX files, on the CPU and whatever it was built for
providers.py     what it was built for
openvino.py      OpenVINO: ONNX files, on Intel's processors, graphics and NPUs
litert.py        LiteRT: TensorFlow Lite files, on the CPU and Coral's Edge TPU
fit.py           do tensors fit?
pool.py          what serves one caller at a time
"""
