"""A model: what edge and cloud both need to run one.

errors.py       the error tree
detections.py   what a detector found in one picture
manifest.py     what a network expects and how its output reads
zoo.py          networks by name: fetched, checked, cached (zoo.yaml is their list)
assets.py       files by URL and sha256, from a folder, the cache or the internet
download.py     one file over HTTPS, resumed where it broke off
checksum.py     is a file what was promised?
preprocess.py   a frame into a tensor, and boxes back; exactly invertible
nms.py          non-maximum suppression
heads/          raw outputs into Detections, one module a family
engines/        a network that runs: port.py and its adapters
detector.py     frame in, Detections out: manifest, engine, pre-processing and head together
draw.py         detections onto a picture
media.py        pictures and video files, read; pictures written
video_writer.py a video file, written whole or not at all
predict.py      a picture or video in, the same with what was seen out
cli.py          wayside-models
"""
