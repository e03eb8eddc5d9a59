"""Long calls of libraries that keep the interpreter's lock, made in a process of their own.

While minorminer searches or Qiskit Aer simulates, no other thread of Python runs: nothing hears an interrupt
and nobody says how far it is. A process beside this one can be waited for, and ended.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from qspin.errors import RunError

__all__ = ["in_child"]

_TICK = 0.05  # seconds between two looks
_START = "import sys; from qspin_backends.common.child import work; work(sys.argv[1])"


def in_child(
    function: str, *arguments: Any, tell: Callable[[float], None] | None = None, **options: Any
) -> Any:
    """What a function returns or raises in a process of its own.

    Parameters
    ----------
    function : ``package.module:name``
    arguments, options : of the function; they can be pickled, as can what it returns
    tell : told every second for how many seconds it has run

    Raises
    ------
    RunError
        If the process ends without a result, say because the machine has no memory left.
    """
    with tempfile.TemporaryDirectory(prefix="qspin-") as name:
        folder = Path(name)
        (folder / "call").write_bytes(pickle.dumps((function, arguments, options)))
        with _started(folder) as process:
            start = told = time.monotonic()
            while process.poll() is None:
                time.sleep(_TICK)
                if tell is not None and time.monotonic() - told >= 1.0:
                    told = time.monotonic()
                    tell(told - start)
        if not (folder / "result").is_file():
            code = process.returncode
            reason = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise RunError(f"the process of {function} {reason}; is there enough memory?")
        succeeded, value = pickle.loads((folder / "result").read_bytes())
    if not succeeded:
        raise value
    return value


@contextlib.contextmanager
def _started(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process; it does not outlive the block, nor hear what is typed at the terminal."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-c", _START, str(folder)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def work(name: str) -> None:
    """In the other process: make the call that lies in a folder, and leave its result there."""
    _end_with_parent()
    folder = Path(name)
    function, arguments, options = pickle.loads((folder / "call").read_bytes())
    module, _, attribute = function.partition(":")
    try:
        result: Any = (True, getattr(import_module(module), attribute)(*arguments, **options))
    except Exception as error:  # raised where it is waited for
        result = (False, error)
    (folder / "partial").write_bytes(pickle.dumps(result))
    (folder / "partial").replace(folder / "result")


def _end_with_parent() -> None:
    """Linux ends this process when its parent dies, also by a kill; elsewhere it ends with its call."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
