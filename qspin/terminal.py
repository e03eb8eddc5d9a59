"""How far a run is, on a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

__all__ = ["Terminal"]

_REMARK_SECONDS = 15.0  # between two lines that say how a long step goes, where no bar shows it


class Terminal:
    """Progress bar with the time left on standard error; plain lines where that is no terminal."""

    def __enter__(self) -> Terminal:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        from qspin.progress import listening

        console = Console(stderr=True)
        self._live = console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            TextColumn("{task.fields[remark]}"), console=console, disable=not self._live,
        )  # fmt: skip
        self._bar.start()
        self._said = time.monotonic()
        self._listening = listening(self._before)
        self._listening.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.__exit__(None, None, None)
        self._bar.stop()

    def _before(self, fraction: float, remark: str) -> None:
        """What is said while a run is checked, before it has steps."""
        if remark and self._is_due():
            self._bar.console.print(f"checking: {remark}", markup=False, highlight=False)

    def _is_due(self) -> bool:
        due = time.monotonic() - self._said >= _REMARK_SECONDS
        self._said = time.monotonic() if due else self._said
        return due

    def begin(self, n_steps: int) -> None:
        self._task = self._bar.add_task("", total=n_steps, remark="")
        self._done = 0
        self._total = n_steps

    @contextlib.contextmanager
    def step(self, description: str) -> Iterator[Callable[[float, str], None]]:
        if self._live:
            self._bar.update(self._task, description=description, remark="")
        else:
            print(f"[{self._done + 1}/{self._total}] {description}", file=sys.stderr, flush=True)

        def tell(fraction: float, remark: str) -> None:
            self._bar.update(self._task, completed=self._done + fraction, remark=remark)
            if remark and not self._live and self._is_due():
                print(f"[{self._done + 1}/{self._total}] {remark}", file=sys.stderr, flush=True)

        yield tell
        self._done += 1
        self._bar.update(self._task, completed=self._done)
