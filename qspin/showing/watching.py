"""A run, watched from another terminal or another machine: its log is all that is read."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from qspin.errors import InputError
from qspin.events import Event, Kind
from qspin.showing.drawing import Drawing, Part
from qspin.showing.log import LOG, Told, here, read_line
from qspin.showing.picture import Picture, Process
from qspin.showing.terminal import Lines, can_be_drawn_on
from qspin.showing.words import about, clean

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["State", "Tail", "Watch", "watch"]

See = Callable[..., None]
"""As `Picture.see`."""

_PAUSE = 0.5  # seconds between two looks at the log
_MOST_FAILURES = 5


class State(NamedTuple):
    """Of a run as a whole.

    Parameters
    ----------
    words : with their style; empty while it goes on
    is_over : whether nothing more is to come
    is_well : whether it goes on, or has come to its end
    """

    words: Part
    is_over: bool
    is_well: bool


class Tail:
    """Whole lines of a file that grows; a part of a line waits for its rest."""

    def __init__(self, file: Path):
        self._file = file
        self._inode, self._read, self._part = -1, 0, b""

    def read(self) -> tuple[list[bytes], bool]:
        """Lines that are new since the last call, and whether the file was made anew meanwhile.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        with self._file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            is_anew = self._inode not in (-1, status.st_ino) or status.st_size < self._read
            if is_anew:
                self._read, self._part = 0, b""
            self._inode = status.st_ino
            opened.seek(self._read)
            new = opened.read()
        self._read += len(new)
        *whole, self._part = (self._part + new).split(b"\n")
        return whole, is_anew


class Watch:
    """What the log of a run folder has told so far.

    Parameters
    ----------
    folder : of a run, also one on a disk to which another machine writes

    Raises
    ------
    InputError
        If that is no run folder, or one without a log.
    """

    def __init__(self, folder: Path):
        if not (folder / LOG).is_file():
            lack = f"has no {LOG}" if folder.is_dir() else "is no folder"
            raise InputError(
                f"{folder} {lack}; expected the folder of a run, which qspin run makes once it has checked "
                "its config"
            )
        self.picture = Picture(folder.resolve().name)
        self._file = folder / LOG
        self._tail = Tail(self._file)
        told = self._told()
        for own, age in zip(told, _ages(told, self._file), strict=True):
            self.picture.see(own.event, own.run, age=age, place=own.place)
        self._bury(self.picture.see)

    def look(self, see: See | None = None) -> None:
        """Read what is new.

        Parameters
        ----------
        see : takes it, and hands it to the picture
        """
        see = see or self.picture.see
        self._read(see)
        self._bury(see)

    @property
    def state(self) -> State:
        """How the run is, by what was told and by which processes are there."""
        picture = self.picture
        if not picture.processes:
            return State(("nothing is told yet", "dim"), False, True)
        if any(not process.is_silent for process in picture.at_work):
            return State(("", ""), False, True)
        ends = [process.ended for process in picture.processes.values() if process.ended is not None]
        if any(end.fraction == 1 for end in ends) and picture.done >= picture.total:
            return State(("finished", "bold green"), True, True)
        if silent := picture.at_work:
            last = max(silent, key=lambda process: process.seen)
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(last.heard))
            words = f"silent for {about(last.age)}, since {since} by the clock of {last.short}"
            return State((words, "bold red"), False, False)
        return State((f"unfinished: {clean(ends[-1].remark)}", "bold red"), True, False)

    def _told(self) -> list[Told]:
        try:
            lines, is_anew = self._tail.read()
        except OSError as error:
            raise InputError(f"{self._file} cannot be read: {error.strerror}") from error
        if is_anew:
            self.picture.reset()
        return [told for line in lines if (told := read_line(line)) is not None]

    def _read(self, see: See) -> None:
        for own in self._told():
            see(own.event, own.run, place=own.place)

    def _bury(self, see: See) -> None:
        """Processes that are not there any more and had no time to say so."""
        gone = [process for process in self.picture.at_work if _is_gone(process)]
        if not gone:
            return
        self._read(see)  # what they told last
        for process in gone:
            if process.ended is None:
                remark = f"process {process.short} is gone; go on with --resume"
                see(Event(Kind.END, remark=remark, time=process.heard), process.name)


def _ages(told: Sequence[Told], file: Path) -> Iterator[float]:
    """Seconds since events were told, by our clock.

    Nobody knows how much the clocks differ; but whoever wrote last did so when the file was last changed.
    """
    if not told:
        return
    now, last = time.time(), told[-1]
    ahead = last.event.time - file.stat().st_mtime
    for own in told:
        yield max(0.0, now - own.event.time + (ahead if own.run == last.run else 0.0))


def _is_gone(process: Process) -> bool:
    """Whether it ran where we do and is not there any more; of others nobody knows."""
    number = process.name.partition("@")[0]
    if process.place != here() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # of another user
        return False
    try:
        status = Path(f"/proc/{number}/stat").read_bytes()
    except OSError:  # another system
        return False
    return status.rpartition(b") ")[2].startswith(b"Z")  # killed, and its parent has not looked after it


def watch(folder: Path, *, once: bool = False, out: TextIO | None = None) -> bool:
    """Show a run until it ends, or somebody interrupts the looking.

    Parameters
    ----------
    once : show how it is now, and leave
    out : default standard output

    Returns
    -------
    whether it goes on or has come to its end, as against one that was stopped or killed, or that lacks tasks

    Raises
    ------
    InputError
        As `Watch`.
    """
    from rich.console import Console

    watched = Watch(folder)
    console = Console(file=out)
    if not once and not watched.state.is_over:
        with contextlib.suppress(KeyboardInterrupt):
            (_follow if can_be_drawn_on(console) else _follow_by_lines)(watched, console)
    console.print(Drawing(watched.picture, watched.state.words), end="")
    failures = list(watched.picture.failures.values())
    for text in failures[:_MOST_FAILURES]:
        console.print(f"failed: {clean(text)}", style="red", markup=False, highlight=False, soft_wrap=True)
    if (more := len(failures) - _MOST_FAILURES) > 0:
        console.print(f"and {more} more, all with their reasons in {folder / 'failures'}", soft_wrap=True)
    return watched.state.is_well


def _follow(watched: Watch, console: Console) -> None:
    from rich.live import Live

    with Live(console=console, auto_refresh=False, transient=True) as live:
        while not watched.state.is_over:
            live.update(Drawing(watched.picture, watched.state.words), refresh=True)
            time.sleep(_PAUSE)
            watched.look()


def _follow_by_lines(watched: Watch, console: Console) -> None:
    """What happens from now on; silence is told once."""
    lines, said = Lines(watched.picture, console.file), ""  # type: ignore[arg-type]
    lines.summary()
    while not (state := watched.state).is_over:
        if state.words[0] and not said:
            lines.say(state.words[0])
        said = state.words[0]
        time.sleep(_PAUSE)
        watched.look(lines.see)
