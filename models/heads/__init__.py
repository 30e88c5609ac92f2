"""Raw outputs of networks into what they found, one module a family.

port.py             what a head is
boxes.py            the last steps that heads of boxes share: NMS, then the picture's edges
masks.py            masks of boxes out of prototypes
yolox.py            YOLOX
yolov5.py           YOLOv5, YOLOv7
yolov8.py           YOLOv8, YOLOv9, YOLO11, with masks or without
yolov10.py          YOLOv10, and end to end exports like it
nanodet.py          NanoDet, NanoDet-Plus
fastestdet.py       FastestDet
ssd.py              SSD, and other networks with NMS in the graph
detr.py             DETR, RT-DETR
segmentation.py     areas by class
classification.py   the picture's class
selection.py        the head that a manifest names
"""
