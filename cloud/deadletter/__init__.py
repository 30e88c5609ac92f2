"""Looking at what was refused, and sending it on its way again.

choice.py   which letters are meant
origin.py   where a letter came from, and what it was
text.py     a letter for people's eyes
replay.py   published where they came from, and only then taken out
"""
