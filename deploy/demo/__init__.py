"""`make demo`: one camera through the whole line, on one machine.

scene.py      what is shown: source, network, settings of both ends
parts.py      `wayside-cloud up` and `wayside-edge run` as processes
view.py       the live view in the terminal, and the summary
__main__.py   from nothing to the summary
"""
