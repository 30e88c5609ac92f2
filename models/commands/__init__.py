"""The commands of `wayside-models`, each imported when its program starts and nothing more.

pull.py      networks and videos fetched
predict.py   pictures and videos looked at
inspect.py   what an ONNX file is
change.py    networks made from others, behind proof
compile.py   networks made into TensorRT engines
terminal.py  what they share
"""
