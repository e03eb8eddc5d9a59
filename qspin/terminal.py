"""How far a run is, on a terminal."""

from __future__ import annotations

import sys
import time

from qspin.events import Event, Kind
from qspin.progress import Progress, listening

__all__ = ["Terminal"]

_REMARK_SECONDS = 15.0  # between two lines that say how a long step goes, where no bar shows it


class Terminal:
    """Progress bar with the time left on standard error; plain lines where that is no terminal."""

    def __enter__(self) -> Terminal:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._live = console.is_terminal
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            TextColumn("{task.fields[remark]}"), console=console, disable=not self._live,
        )  # fmt: skip
        self._bar.start()
        self._task = self._bar.add_task("", total=1, remark="")
        self._done, self._total = 0, 1
        self._said = time.monotonic()
        self._listening = listening(self._before)
        self._listening.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.__exit__(None, None, None)
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if event.kind == Kind.BEGIN:
            self._done, self._total = 0, event.n
        elif event.kind == Kind.FOUND:
            self._done += event.n
        elif event.kind == Kind.START:
            self._line(event.label)
        elif event.kind in (Kind.DONE, Kind.FAILED):
            self._done += 1
        elif event.kind == Kind.PROGRESS and event.remark and not self._live and self._is_due():
            self._line(event.remark)
        description = event.label if event.kind == Kind.START else None
        completed = self._done + (event.fraction if event.kind == Kind.PROGRESS else 0.0)
        self._bar.update(
            self._task, description=description, completed=completed, total=self._total, remark=event.remark
        )

    def _line(self, text: str) -> None:
        if not self._live:
            print(f"[{self._done + 1}/{self._total}] {text}", file=sys.stderr, flush=True)

    def _before(self, progress: Progress) -> None:
        """What is said while a run is checked, before it has steps."""
        if progress.remark and self._is_due():
            self._bar.console.print(f"checking: {progress.remark}", markup=False, highlight=False)

    def _is_due(self) -> bool:
        due = time.monotonic() - self._said >= _REMARK_SECONDS
        self._said = time.monotonic() if due else self._said
        return due
