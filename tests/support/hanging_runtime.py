"""An ONNX Runtime whose inference never returns, on command: a fault in somebody else's library.

The stand-in lies before the real package on PYTHONPATH, loads it, and adds to its sessions what
the word in a file says. The word is taken away first, so that the agent's next start is well.
"""

from pathlib import Path
from typing import Literal

Hang = Literal["holding the GIL", "without the GIL"]

_STAND_IN = '''
"""onnxruntime, whose inference hangs where {control!r} says so."""
import ctypes, importlib, pathlib, sys

sys.path.remove({folder!r})
del sys.modules["onnxruntime"]
real = importlib.import_module("onnxruntime")
control = pathlib.Path({control!r})
SECONDS = 3600


class InferenceSession(real.InferenceSession):
    def run(self, *arguments):
        if control.exists():
            word = control.read_text()
            control.unlink()
            # A call by PyDLL keeps the GIL, one by CDLL lets it go.
            library = ctypes.PyDLL if word == "holding the GIL" else ctypes.CDLL
            library(None).sleep(SECONDS)
        return super().run(*arguments)


real.InferenceSession = InferenceSession
'''


class HangingRuntime:
    """The stand-in in a folder of its own.

    Args:
        folder: for it; made where it is missing.

    Attributes:
        environ: for the process that is to use it.
    """

    def __init__(self, folder: Path) -> None:
        package = folder / "modules" / "onnxruntime"
        package.mkdir(parents=True)
        self._control = folder / "hang"
        place = str(package.parent)
        (package / "__init__.py").write_text(
            _STAND_IN.format(control=str(self._control), folder=place)
        )
        self.environ = {"PYTHONPATH": place}

    def hang(self, how: Hang) -> None:
        """The next inference does not return."""
        word = self._control.with_suffix(".new")
        word.write_text(how)
        word.rename(self._control)
