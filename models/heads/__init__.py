"""Raw outputs of networks into Detections, one module a family.

port.py         what a head is
boxes.py        the last steps that every head shares: NMS, then the picture's edges
yolox.py        YOLOX
fastestdet.py   FastestDet
selection.py    the head that a manifest names
"""
