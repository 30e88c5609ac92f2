"""A model: what edge and cloud both need to run one.

errors.py       the error tree
detections.py   objects that were found in one picture
areas.py        which class each place of a picture belongs to
ranking.py      which classes a picture shows
manifest.py     what a network expects and how its output reads
families.py     the families of networks that are known, as a manifest's head
graph/          an ONNX file as a graph: read with care, measured, recognised
compile/        a network made ready for a board, and proven to find the same
zoo.py          networks by name: fetched, checked, cached (zoo.yaml is their list)
assets.py       files by URL and sha256, from a folder, the cache or the internet
download.py     one file over HTTPS, resumed where it broke off
checksum.py     is a file what was promised?
private.py      can another user have written it?
whole.py        files written whole or not at all
progress.py     how far something is
preprocess.py   a frame into a tensor, and boxes back; exactly invertible
nms.py          non-maximum suppression
heads/          raw outputs into what was found, one module a family
engines/        a network that runs: port.py and its adapters
network.py      a picture in, what was found out: pre-processing, network and head together
detector.py     networks that find objects
segmenter.py    networks that find areas
classifier.py   networks that tell what a picture shows
selection.py    which of these a manifest needs
draw.py         what was found onto a picture
media.py        pictures and video files, read; pictures written
video_writer.py a video file, written whole or not at all
record/         the immutable record of a model, and whether a folder still is what it says
evaluation/     how well a network finds what labelled pictures show
prediction/     pictures and videos in, the same with what was seen, COCO and CSV out
commands/       the commands of wayside-models
cli.py          wayside-models
commands/       its commands
"""
