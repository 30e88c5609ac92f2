"""What this board can do with this configuration: each stage measured, and what follows.

timing.py     the middle and the quartiles of what was measured
cameras.py    each camera's pictures, and what decoding them costs
crowd.py      twenty objects on their way, for tracker and rules
stages.py     pictures through network, tracker and rules, stage by stage
looks.py      each network at each camera that it looks at, measured
storage.py    events to this disk
capacity.py   what follows: the rate of each camera, and what limits it
report.py     all figures; as JSON
table.py      as a table for people
run.py        all put together from a settings file
"""
