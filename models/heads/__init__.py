"""Raw outputs of networks into Detections, one module a family."""
