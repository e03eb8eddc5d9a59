"""How a command ends: exit 0 done, 1 failed, 2 unusable input, and one line that says why."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import typer

from qspin import stopping

__all__ = ["Context", "Interrupts", "errors", "imports", "leave"]

_BURST_SECONDS = 1.0  # signals that follow each other faster are one interrupt


def leave(code: Any) -> NoReturn:
    """End the program. One that failed or was interrupted takes no leave of its libraries, which can last
    seconds, and does not wait for what still computes in compiled code."""
    from qspin.progress import ABANDONED

    if code == 1 or any(thread.name == ABANDONED for thread in threading.enumerate()):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)
    sys.exit(code)


class Interrupts:
    """Handler of signals: the first asks for a stop where somebody hears that, the second interrupts.

    Those which come in one burst count as one. Whoever stops a job may signal the process and its group, one
    after the other; a second exception would land amid the cleaning up after the first, which then ends in
    whatever error that makes. Processes that a sampler forks hear signals as any other does.
    """

    def __init__(self) -> None:
        self._heard = -math.inf
        self._is_reminder = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave)

    def _leave(self) -> None:
        for number, usual in ((signal.SIGTERM, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
            if signal.getsignal(number) is self:
                signal.signal(number, usual)

    def __call__(self, which: int = signal.SIGINT, frame: object = None) -> None:
        before, self._heard = self._heard, time.monotonic()
        if self._is_reminder:
            self._is_reminder = False
            stopping.overdue()
        elif self._heard - before < _BURST_SECONDS:
            return
        elif (patience := stopping.patience()) is not None and not stopping.is_requested():
            stopping.request()
            stopping.acknowledge()
            self._remind(which, patience)
        else:
            raise KeyboardInterrupt

    def _remind(self, which: int, seconds: float) -> None:
        """The same signal again, which also wakes a main thread that sleeps; none that another hears."""

        def remind() -> None:
            handler: object = signal.getsignal(which)
            if stopping.is_requested() and handler is self:
                self._is_reminder = True
                signal.pthread_kill(threading.main_thread().ident or 0, which)

        timer = threading.Timer(seconds, remind)
        timer.daemon = True
        timer.start()


class Context:
    """What to tell a user whose run ended early; of a folder only where there is one."""

    folder: Path | None = None
    n_unfinished: Callable[[], int] = staticmethod(lambda: 0)
    """How many tasks have unfinished work in the folder."""
    _hint = ""

    @property
    def hint(self) -> str:
        if self.folder is not None and (self.folder / "config.yaml").is_file():
            n = 0
            with contextlib.suppress(Exception):  # this is told beside what went wrong, never instead of it
                n = self.n_unfinished()
            begun = f", and that of {n} task{'s' * (n != 1)} as far as it came" if n else ""
            return f"Finished work is kept in {self.folder}{begun}; go on with --resume"
        return self._hint

    @hint.setter
    def hint(self, text: str) -> None:
        self._hint = text


@contextlib.contextmanager
def imports(allowed: list[str] | None) -> Iterator[None]:
    """Import paths in files reach known packages and those that the user allows."""
    from qspin.registry import known_packages
    from qspin.trust import importing_only

    with importing_only({*known_packages(), *(allowed or [])}):
        yield


@contextlib.contextmanager
def errors(debug: bool) -> Iterator[Context]:
    """Errors as one line on standard error, with the exit code of the contract."""
    from qspin.errors import InputError, QspinError

    context = Context()
    try:
        yield context
    except KeyboardInterrupt as interrupt:
        _fail(f"interrupted: {interrupt}" if interrupt.args else "interrupted", context.hint, 1)
    except QspinError as error:
        if debug:
            raise
        unusable = isinstance(error, InputError)
        _fail(f"error: {error}", "" if unusable else context.hint, 2 if unusable else 1)
    except BrokenPipeError:  # whoever reads has enough, such as head; rich and click end so as well
        _close_output()
        raise typer.Exit(1) from None
    except (OSError, MemoryError) as error:
        if debug:
            raise
        _fail(f"error: {str(error) or 'out of memory'}", context.hint, 1)


def _close_output() -> None:
    """Let nothing be written to a pipe that nobody reads, not even what waits to be."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _fail(message: str, hint: str, code: int) -> NoReturn:
    from qspin.confidential import redacted

    message = redacted(message)
    typer.echo(f"{message}. {hint}" if hint else message, err=True)
    raise typer.Exit(code)
