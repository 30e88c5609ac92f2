"""The commands of `wayside-models`, each imported when its program starts and nothing more.

pull.py      networks and videos fetched
predict.py   pictures and videos looked at
evaluate.py  a network against labelled pictures
inspect.py   what an ONNX file is
change.py    networks made from others, behind proof
compile.py   networks made into TensorRT engines
register.py  a model's record written
record.py    records verified and shown
shown.py     what a record says, in words
terminal.py  what they share
"""
