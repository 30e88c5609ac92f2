"""The agent against the fastest bare loop over the same network, session and threads.

Ours is the whole pipeline: capture, queue, workers, tracker, rules, and events made durable
in an outbox. The reference captures, pre-processes, infers and decodes as fast as this
machine can, and throws the result away.
"""

import argparse
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import cv2
import numpy as np
