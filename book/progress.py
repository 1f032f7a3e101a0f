"""What is shown while notebooks are executed: a live line for each in a terminal, a line now and then in a log.

A line says how many cells are done, and repeats the progress bar of the cell that is at work.
"""

import re
import shutil
import sys
import time
from collections.abc import Callable

from tqdm import tqdm

#: How often a log gets a line of a notebook that is at work [s].
LOG_EVERY = 30.0
#: Characters that move the cursor, and what ends one state of a progress bar.
CURSOR, ENDS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]"), re.compile(r"[\r\n]+")
#: What all progress bars have: the time that they have taken.
BAR = re.compile(r"\[(\d+:)?\d\d:\d\d")


class Cells:
    """A file for papermill's count of cells and for what a kernel writes to stderr; each news is told to `tell` as one line."""

    def __init__(self, tell: Callable[[str], None]):
        self.tell, self.count, self.kernel = tell, "", Stream(self.step)

    def write(self, text: str) -> None:
        """Take papermill's count of cells, such as ``3/12 cells``."""
        self.count = last_state(text) or self.count
        self.tell(self.count)

    def step(self, text: str) -> None:
        """Take what the kernel says; only progress bars are told."""
        bar = last_state(text)
        if BAR.search(bar):
            self.tell(f"{self.count}, {bar}")

    def flush(self) -> None:
        """All is told at once."""


class Stream:
    """A file that hands on what is written to it."""

    def __init__(self, write: Callable[[str], None]):
        self.write = write

    def flush(self) -> None:
        """Nothing is held back."""


def shown(line: str) -> str:
    """`line` as the terminal can show it, whose encoding may lack the blocks of a bar."""
    encoding = sys.stderr.encoding or "ascii"
    return line.encode(encoding, "replace").decode(encoding)


def last_state(text: str) -> str:
    """The last line of `text` that says something."""
    return next((line.strip() for line in reversed(ENDS.split(CURSOR.sub("", text))) if line.strip()), "")


class Lines:
    """The lines of the notebooks that are at work."""

    def __init__(self):
        self.live = sys.stderr.isatty()
        self.states: dict[str, str] = {}
        self.started: dict[str, float] = {}
        self.logged: dict[str, float] = {}
        self.bars: dict[str, tqdm] = {}

    def begin(self, name: str) -> None:
        """Notebook `name` begins."""
        self.states[name], self.started[name] = "", time.monotonic()
        self.logged[name] = self.started[name]
        if self.live:
            self.bars[name] = tqdm(bar_format="{desc}", leave=False)

    def tell(self, name: str, state: str) -> None:
        """Notebook `name` has come to this state."""
        if name in self.states:
            self.states[name] = state

    def show(self) -> None:
        """Draw the lines as they are now; in a log, those that are due."""
        for name, state in self.states.items():
            line = f"{name:28} {elapsed(time.monotonic() - self.started[name])}  {state}"
            if self.live:
                self.bars[name].set_description_str(shown(line)[: shutil.get_terminal_size().columns - 1])
            elif time.monotonic() - self.logged[name] > LOG_EVERY:
                self.logged[name] = time.monotonic()
                print(shown(line), file=sys.stderr, flush=True)

    def end(self, name: str, how: str) -> None:
        """Notebook `name` has ended: its last line stays."""
        self.states.pop(name, None)
        if name in self.bars:
            self.bars.pop(name).close()
        took = f" {elapsed(time.monotonic() - self.started[name])} " if name in self.started else "       "
        tqdm.write(shown(f"{name:28}{took} {how}"), file=sys.stderr)


def elapsed(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60:2}:{int(seconds) % 60:02}"
