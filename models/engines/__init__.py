"""Networks that run: the port and its adapters.

port.py          what an engine is
choice.py        engines by name
loading.py       a file into an engine, checked against its manifest
onnxruntime.py   ONNX Runtime: ONNX files, on the CPU and whatever it was built for
providers.py     what it was built for
openvino.py      OpenVINO: ONNX files, on Intel's processors, graphics and NPUs
tensorrt.py      TensorRT, by pycuda: engines that `models/compile/tensorrt/` builds
tensorrt_library.py  which TensorRT there is
gpu.py           which GPU there is
litert.py        LiteRT: TensorFlow Lite files, on the CPU and Coral's Edge TPU
switching.py     one engine replaced by another while threads run it
batches.py       more pictures than an engine takes at once
deviation.py     how far two engines differ
fit.py           do tensors fit?
pool.py          what serves one caller at a time
"""
