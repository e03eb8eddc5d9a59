"""The command line: parse, call, print. Exit 0 done, 1 failed, 2 unusable input."""

from __future__ import annotations

import signal
import sys
import traceback
from typing import Any

from qspin.cli import embedding, exporting, inspecting, running, runs, sampling, telling, watching
from qspin.cli.app import app
from qspin.cli.ending import Interrupts, leave

__all__ = [
    "app",
    "embedding",
    "exporting",
    "inspecting",
    "main",
    "running",
    "runs",
    "sampling",
    "telling",
    "watching",
]


def main() -> None:
    """Entry point of the command ``qspin``."""
    signal.signal(signal.SIGTERM, Interrupts())
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not in a job that ignores it
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    code: Any = 1
    try:
        app()
    except SystemExit as end:
        code = end.code
    except Exception as error:  # of --debug, or a fault of ours
        from qspin.confidential import redacted
        from qspin.errors import InputError

        code = 2 if isinstance(error, InputError) else 1
        print(redacted(traceback.format_exc()), end="", file=sys.stderr)  # a server may repeat a token
    leave(code)
