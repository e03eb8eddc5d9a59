"""How far a run is, on a terminal; plain lines where there is none."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

from qspin.events import Event, Kind
from qspin.progress import Progress, listening
from qspin.showing.drawing import Drawing, facts
from qspin.showing.picture import Picture
from qspin.showing.words import clean, figures_told

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segments

__all__ = ["Lines", "Terminal", "can_be_drawn_on"]

_REMARK_SECONDS = 15.0  # between two lines that say how a long step goes, where no bar shows it
_A_SECOND = 5  # drawings
_MOST_LINES = 40  # about single tasks at once ...
_LINE_SECONDS = 10.0  # ... and then one in this time: what else there is, a summary says
_SUMMARY_SECONDS = 60.0
_MOST_FAILURES = 20


class Terminal:
    """A reporter: bars, workers and the time left on standard error; plain lines where that is no terminal.

    Shows itself from the first event to the last, or inside a ``with`` block.

    Parameters
    ----------
    name : of what is shown
    """

    def __init__(self, name: str = ""):
        self._picture = Picture(name)
        self._shown: _Bars | Lines | None = None
        self._is_held = False
        self._said = time.monotonic()
        self._listening = contextlib.ExitStack()

    def __enter__(self) -> Terminal:
        self._is_held = True
        self._open()
        self._listening.enter_context(listening(self._before))
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        self._is_held = False
        self._close()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if self._shown is None and event.kind == Kind.NOTE:  # before a run that may yet be refused
            print(clean(event.remark), file=sys.stderr, flush=True)
            return
        shown = self._shown or self._open()
        shown.see(event)
        if event.kind == Kind.END and not self._is_held:
            self._close()

    def _open(self) -> _Bars | Lines:
        from rich.console import Console

        console = Console(stderr=True)
        self._shown = _Bars(console, self._picture) if can_be_drawn_on(console) else Lines(self._picture)
        return self._shown

    def _close(self) -> None:
        if self._shown is not None:
            self._shown.close()
            self._shown = None

    def _before(self, progress: Progress) -> None:
        """What is said while a run is checked, before it has steps."""
        if progress.remark and time.monotonic() - self._said >= _REMARK_SECONDS and self._shown is not None:
            self._said = time.monotonic()
            self._shown.say(f"checking: {clean(progress.remark)}")


def can_be_drawn_on(console: Console) -> bool:
    """Whether lines can be written over: it is a terminal, whatever variables say about colours."""
    return console.file.isatty() and not console.is_dumb_terminal


class _Bars:
    """A drawing that is always there, below whatever else is printed."""

    def __init__(self, console: Console, picture: Picture):
        from rich.live import Live

        self._console, self._picture = console, picture
        self._lock = threading.RLock()
        self._n_failures = 0
        self._live = Live(
            console=console,
            refresh_per_second=_A_SECOND,
            get_renderable=self._drawn,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._live.start()

    def see(self, event: Event) -> None:
        with self._lock:
            self._picture.see(event)
        if event.kind == Kind.FAILED and event.action:
            self._n_failures += 1
            if self._n_failures <= _MOST_FAILURES:
                self.say(f"failed: {clean(event.remark)}", "red")
        elif event.kind == Kind.NOTE:
            self.say(clean(event.remark), "yellow")

    def say(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style, markup=False, highlight=False)

    def close(self) -> None:
        self._live.stop()

    def _drawn(self) -> Segments:
        """Rendered while no event changes it."""
        from rich.segment import Segments

        with self._lock:
            return Segments(list(self._console.render(Drawing(self._picture))))


class Lines:
    """Lines for a file or a pipe: tasks that take long, failures, notes, and now and then how far it all is.

    Parameters
    ----------
    out : default standard error
    """

    def __init__(self, picture: Picture, out: TextIO | None = None):
        self._picture, self._out = picture, out
        self._n_failures = 0
        self._since: dict[str, float] = {}
        """Key of what is under way -> when it was seen to begin."""
        self._left = float(_MOST_LINES)
        self._withheld = 0
        self._counted = self._summed = self._said = time.monotonic()

    def see(self, event: Event, process: str = "", **more: Any) -> None:
        """Take an event over, as `Picture.see`."""
        self._picture.see(event, process, **more)
        if event.kind == Kind.START:
            self._since[event.key] = time.monotonic()
            if event.is_shown:
                self._begin(event)
        elif event.kind == Kind.PROGRESS:
            self._progress(event)
        elif event.kind == Kind.FAILED and event.action:
            self._n_failures += 1
            if self._n_failures <= _MOST_FAILURES:
                self.say(f"failed: {clean(event.remark)}")
        elif event.kind == Kind.NOTE:
            self.say(clean(event.remark))
        if event.kind in (Kind.DONE, Kind.FAILED, Kind.RETURNED):
            self._since.pop(event.key, None)
        if self._withheld and (event.kind == Kind.END or time.monotonic() - self._summed >= _SUMMARY_SECONDS):
            self.summary()

    def say(self, text: str) -> None:
        print(text, file=self._out or sys.stderr, flush=True)

    def summary(self) -> None:
        """How far it all is."""
        self._withheld, self._summed = 0, time.monotonic()
        self.say(", ".join(text for text, _ in facts(self._picture)))

    def close(self) -> None:
        pass

    def _begin(self, event: Event) -> None:
        now = time.monotonic()
        self._left = min(float(_MOST_LINES), self._left + (now - self._counted) / _LINE_SECONDS)
        self._counted = now
        if self._left < 1:
            self._withheld += 1
            return
        self._left -= 1
        self.say(f"{self._done(event)}{clean(event.label)}")

    def _progress(self, event: Event) -> None:
        """Of a task that has taken long, now and then; one that has just begun has little to say."""
        now = time.monotonic()
        if now - max(self._said, self._since.get(event.key, self._said)) < _REMARK_SECONDS:
            return
        self._said = now
        percent = f"{100 * event.fraction:.0f} %"
        told = [*([percent] if percent != "0 %" else []), *figures_told(event.figures)]
        told += [clean(event.remark)] if event.remark else []
        if told:
            self.say(f"{self._done(event)}{clean(event.label)}: {', '.join(told)}")

    def _done(self, event: Event) -> str:
        """How many tasks are done, as everywhere; nothing for a step beside them."""
        picture = self._picture
        return f"[{picture.done} of {picture.total} done] " if event.action and picture.total else ""
