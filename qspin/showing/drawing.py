"""A picture of a run as lines for a console of any width: facts, a bar, and a line for each worker."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qspin.showing.picture import Doing, Picture
from qspin.showing.words import about, clean, clock, figures_told, rate

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

__all__ = ["Drawing", "as_text", "facts", "rows_of"]

Part = tuple[str, str]
"""Words and their style."""

_WIDE = 100  # columns, from which on workers have bars
_BAR = 12
_LABEL = 24  # columns that figures leave to it
_ROOM = 4  # lines of a terminal that are not for workers
_PLAIN = str.maketrans({"━": "#", "─": "-", "·": "|", "…": "~"})


class Drawing:
    """What rich renders: never more columns than there are, nor more lines than a terminal has.

    Parameters
    ----------
    state : what else is to be said of the run as a whole
    """

    def __init__(self, picture: Picture, state: Part = ("", "")):
        self._picture, self._state = picture, state

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = list(self._lines(options.max_width))
        if console.is_terminal and len(lines) > (room := max(_ROOM, console.height - 1)):
            more = len(lines) - room + 1
            lines[room - 1 :] = [_line([(f"  and {more} more", "dim")], options.max_width)]
        for line in lines:
            if options.ascii_only:
                line.plain = line.plain.translate(_PLAIN)
            yield line

    def _lines(self, width: int) -> Iterator[Text]:
        picture = self._picture
        if not picture.processes:
            return
        name = clean(picture.name)
        yield from _wrapped([(name, "bold"), *facts(picture), self._state], width)
        percent = f" {100 * picture.fraction:3.0f} %"
        bar = _bar(picture.fraction, max(4, width - len(percent)), "red" if picture.failed else "green")
        yield _line([*bar, (percent, "")], width)
        rows = list(rows_of(picture))
        widest = max((len(name) for name, _, _ in rows), default=0)
        for name, doing, told in rows:
            yield _row(f"{name:<{widest}}  " if widest else "", doing, told, width)


def facts(picture: Picture) -> Iterator[Part]:
    """What is known of the run as a whole, a few words each."""
    if picture.total:
        yield f"{picture.done} of {picture.total} task{'s' if picture.total != 1 else ''}", ""
        if picture.failed:
            yield f"{picture.failed} failed", "bold red"
        if picture.blocked:
            yield f"{picture.blocked} cannot begin without them", "red"
    if (told := picture.figure("sweeps_per_second")) is not None:
        yield rate(told, "sweeps"), "cyan"
    if picture.processes:
        yield clock(picture.seconds), "dim"
    if (left := _left_told(picture)) is not None:
        yield left, "green"


def _left_told(picture: Picture) -> str | None:
    """None where nobody knows, nobody works on it, or nothing is left."""
    heard = any(not process.is_silent for process in picture.at_work)
    left = picture.left() if heard else None
    if left is None or (picture.total and not picture.left_to_do):
        return None
    return f"{'at least' if left.is_least else 'about'} {about(left.seconds)} left"


def rows_of(picture: Picture) -> Iterator[tuple[str, Doing, list[str]]]:
    """What is under way: name of the worker, the task, and what it has come to."""
    for doing in picture.doing():
        if doing.process.is_silent:
            told = [f"silent for {about(doing.process.age)}"]
        else:
            told = [*figures_told(doing.figures), *([clean(doing.remark)] if doing.remark else [])]
        yield _name_of(doing, picture), doing, told


def as_text(picture: Picture, width: int, state: str = "") -> str:
    """The drawing without colours."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False, force_jupyter=False)
    console.print(Drawing(picture, (state, "")), end="")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


# -- workers -------------------------------------------------------------------------------------


def _name_of(doing: Doing, picture: Picture) -> str:
    parts = [doing.process.short] if len(picture.at_work) > 1 else []
    parts += [doing.start.worker] if doing.start.worker else []
    return clean(" ".join(parts))


def _row(name: str, doing: Doing, told: list[str], width: int) -> Text:
    """Name and label on the left, which give way; how far it is on the right."""
    from rich.text import Text

    right = Text("  ")
    if doing.fraction > 0:
        if width >= _WIDE:
            right = Text.assemble(right, *_bar(doing.fraction, _BAR, "cyan"), "  ")
        right.append(f"{100 * doing.fraction:3.0f} %  ")
    right.append(f"{clock(doing.seconds):>7}", "dim")
    label, room = clean(doing.start.label), width - right.cell_len - len(name) - 2
    least, middle = min(Text(label).cell_len, _LABEL), Text()
    for text in told:
        if least + middle.cell_len + Text(text).cell_len + 2 <= room:
            middle.append(f"  {text}", "" if middle else "yellow")
    left = Text(_shortened(label, max(1, room - middle.cell_len)))
    left.pad_right(room - middle.cell_len - left.cell_len)
    row = Text.assemble("  ", (name, "cyan"), left, middle, right, no_wrap=True)
    row.truncate(width, overflow="ellipsis")
    return row


def _shortened(label: str, width: int) -> str:
    """Without its middle where it is too long: problems stand at the beginning, backends at the end."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(label) <= width:
        return label
    tail = label[max(0, len(label) - width // 2) :]
    while tail and cell_len(tail) > width // 2:
        tail = tail[1:]
    return set_cell_size(label, max(0, width - 1 - cell_len(tail))).rstrip() + "…" + tail


# -- lines ---------------------------------------------------------------------------------------


def _bar(fraction: float, width: int, style: str) -> list[Part]:
    filled = min(width, round(fraction * width))
    return [("━" * filled, style), ("─" * (width - filled), "dim")]


def _line(parts: list[Part], width: int) -> Text:
    from rich.text import Text

    line = Text.assemble(*parts, no_wrap=True)
    line.truncate(width, overflow="ellipsis")
    return line


def _wrapped(parts: list[Part], width: int) -> Iterator[Text]:
    """Facts with points between them, on as many lines as they take; none is broken."""
    from rich.cells import cell_len

    line: list[Part] = []
    for text, style in parts:
        if line and sum(cell_len(own) for own, _ in line) + 3 + cell_len(text) > width:
            yield _line(line, width)
            line = []
        if text:
            line += [(" · ", "dim")] if line else []
            line.append((text, style))
    if line:
        yield _line(line, width)
