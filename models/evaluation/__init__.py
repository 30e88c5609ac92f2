"""How well a network finds what pictures show.

coco.py        labels of pictures, from COCO JSON
truth.py       pictures with what they show, for a network's classes
agreement.py   how much of what is expected is found, in [0, 1]
metrics.py     a network's figures on labelled pictures, as a whole and by class
figures.py     these as rows of JSON or CSV
"""
