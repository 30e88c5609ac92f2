"""`wayside-edge` that answers, while it runs, what its memory is used for.

    python -m tests.support.listened_agent FOLDER run -c edge.yaml

A question is a file FOLDER/ask, and its answer FOLDER/answer.json. `blocks`: how many blocks
Python has allocated. `trace`: note from now on where memory is allocated. `sites`: how many
bytes each line of code has allocated since, and not freed.
"""

import gc
import json
import sys
import threading
import time
import tracemalloc
from pathlib import Path

from edge.cli import app

_EVERY_S = 0.1


def _sites() -> dict[str, int]:
    gc.collect()
    ours = tracemalloc.Filter(inclusive=False, filename_pattern=__file__)
    its = tracemalloc.Filter(inclusive=False, filename_pattern=tracemalloc.__file__)
    statistics = tracemalloc.take_snapshot().filter_traces([ours, its]).statistics("lineno")
    return {
        f"{one.traceback[0].filename}:{one.traceback[0].lineno}": one.size for one in statistics
    }


def _answer(question: str) -> object:
    if question == "trace":
        tracemalloc.start()
    if question == "sites":
        return _sites()
    return {"blocks": sys.getallocatedblocks(), "collections": gc.get_stats()}


def _listen(folder: Path) -> None:
    ask, answer = folder / "ask", folder / "answer.json"
    while True:
        time.sleep(_EVERY_S)
        if ask.exists():
            question = ask.read_text()
            ask.unlink()
            whole = answer.with_suffix(".new")
            whole.write_text(json.dumps(_answer(question)))
            whole.rename(answer)


if __name__ == "__main__":
    threading.Thread(target=_listen, args=(Path(sys.argv.pop(1)),), daemon=True).start()
    app()
