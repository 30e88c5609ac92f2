"""`make demo`: one camera through the whole line. `make demo-ota`: its model updated.

scene.py      what is shown: source, network, settings of both ends
parts.py      `wayside-cloud up` and `wayside-edge run` as processes
view.py       the live view in the terminal, and the summary
__main__.py   from nothing to the summary
street.py     three models of a family: the one that serves, a better and a worse one
operator.py   what people do before a model may run on a camera, command by command
ota.py        a better model stays, a worse one goes
"""
