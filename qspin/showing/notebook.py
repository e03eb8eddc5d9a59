"""How far a run is, in a notebook: widgets where ipywidgets is installed, else text that is written over."""

from __future__ import annotations

import html
import time
from typing import Any, Protocol

from qspin.events import Event, Kind
from qspin.showing.drawing import as_text, facts, rows_of
from qspin.showing.picture import Picture
from qspin.showing.words import clean, clock

__all__ = ["Notebook"]

_PAUSE = 0.25  # seconds between two drawings
_COLUMNS = 100
_MOST_ROWS = 16
_MOST_SAID = 20  # failures and notes


class _Shown(Protocol):
    def draw(self, picture: Picture) -> None:
        """Show it in the place of what was there."""
        ...


class Notebook:
    """A reporter: one output of a cell, which changes as the run goes on.

    Parameters
    ----------
    name : of what is shown
    """

    def __init__(self, name: str = ""):
        self._picture = Picture(name)
        self._shown: _Shown | None = None
        self._drawn = 0.0

    def __enter__(self) -> Notebook:
        return self

    def __exit__(self, *_: object) -> None:
        self._draw()
        self._shown = None

    def __call__(self, event: Event) -> None:
        """Show an event."""
        self._picture.see(event)
        if event.kind == Kind.END:
            self.__exit__()
        elif time.monotonic() - self._drawn >= _PAUSE or event.kind in (Kind.BEGIN, Kind.NOTE):
            self._draw()

    def _draw(self) -> None:
        if self._shown is None:
            self._shown = _shown()
        self._drawn = time.monotonic()
        self._shown.draw(self._picture)


def _shown() -> _Shown:
    try:
        import ipywidgets
    except ImportError:
        return _Text()
    return _Widgets(ipywidgets)


class _Text:
    """One output, written over."""

    def __init__(self) -> None:
        self._handle: Any = None

    def draw(self, picture: Picture) -> None:
        from IPython.display import display

        text = {"text/plain": "\n".join([*_said(picture), as_text(picture, _COLUMNS)])}
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)


class _Widgets:
    """A bar, the facts beside it, and a table of workers."""

    def __init__(self, ipywidgets: Any):
        from IPython.display import display

        self._bar = ipywidgets.FloatProgress(min=0.0, max=1.0, layout={"width": "25%"})
        self._facts, self._workers, self._said = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        head = ipywidgets.HBox([self._bar, self._facts])
        display(ipywidgets.VBox([head, self._workers, self._said]))

    def draw(self, picture: Picture) -> None:
        self._bar.value = picture.fraction
        if picture.failed:
            self._bar.bar_style = "danger"
        elif not picture.at_work:
            self._bar.bar_style = "success"
        name = f"<b>{html.escape(clean(picture.name))}</b> " if picture.name else ""
        self._facts.value = name + html.escape(" · ".join(text for text, _ in facts(picture)))
        self._workers.value = _table(picture)
        self._said.value = "<br>".join(html.escape(text) for text in _said(picture))


def _table(picture: Picture) -> str:
    rows = list(rows_of(picture))
    cells = [
        [name, clean(doing.start.label), f"{100 * doing.fraction:.0f} %" if doing.fraction else "",
         clock(doing.seconds), ", ".join(told)]
        for name, doing, told in rows[:_MOST_ROWS]
    ]  # fmt: skip
    style = (
        'style="padding:0 1em 0 0;text-align:left;white-space:nowrap;max-width:36em;overflow:hidden;'
        'text-overflow:ellipsis"'
    )
    lines = ["".join(f"<td {style}>{html.escape(cell)}</td>" for cell in row) for row in cells]
    more = f"<div>and {len(rows) - _MOST_ROWS} more</div>" if len(rows) > _MOST_ROWS else ""
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>{more}" if lines else ""


def _said(picture: Picture) -> list[str]:
    """The first failures, and the last notes."""
    failures = [f"failed: {clean(text)}" for text in picture.failures.values()]
    notes = [clean(text) for text in picture.notes]
    more = [f"and {len(failures) - _MOST_SAID} more failures"] if len(failures) > _MOST_SAID else []
    return [*notes[-_MOST_SAID:], *failures[:_MOST_SAID], *more]
