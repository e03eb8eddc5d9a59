"""Throw many bad inputs at every door, in processes with limits on time and memory::

    python tests/fuzz/run.py --count 25000 --seed 0

Prints each fault with the number by which ``--first N --count 1`` throws it again, and counts at the end.
Exit code 1 if there was any: an exception that is no QspinError, a crash of the process, or a hang.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import select
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

SECONDS = 30.0  # that one input may take
MEMORY = 2**33  # bytes of address space; torch and numba take much of it without using it
SLICE = 1_000  # inputs a process


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=25_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--doors", default="", help="only doors whose names contain this")
    options.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.worker:
        work(given.seed, given.first, given.first + given.count)
        return 0
    faults = fuzz(given.seed, given.first, given.first + given.count)
    counts = collections.Counter(fault["kind"] for fault in faults)
    kinds = ", ".join(f"{counts[kind]} {kind}" for kind in ("exceptions", "crashes", "hangs"))
    print(f"{given.count} inputs: {kinds}")
    return 1 if faults else 0


def fuzz(seed: int, first: int, last: int) -> list[dict]:
    """Faults of the inputs from `first` to `last`, each told as it comes."""
    faults: list[dict] = []
    while first < last:
        first = run_slice(seed, first, min(last, first + SLICE), faults)
    return faults


def run_slice(seed: int, first: int, last: int, faults: list[dict]) -> int:
    """Run one process; the number of the input that is next."""
    command = [sys.executable, __file__, "--worker", "--seed", str(seed)]
    command += ["--first", str(first), "--count", str(last - first)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    current, kind, buffer = first, "", b""
    waiting = 4 * SECONDS  # the first input waits for imports
    while True:
        ready, _, _ = select.select([process.stdout], [], [], waiting)
        if not ready:
            kind = "hangs"
            process.kill()
            break
        if not (piece := os.read(process.stdout.fileno(), 2**16)):
            break
        *lines, buffer = (buffer + piece).split(b"\n")
        for line in lines:
            told = json.loads(line)
            current = told["index"]
            waiting = SECONDS
            if "kind" in told:
                tell(told, faults)
    code = process.wait()
    if kind or code != 0:
        tell({"index": current, "kind": kind or "crashes", "text": f"exit code {code}"}, faults)
        return current + 1
    return last


def tell(fault: dict, faults: list[dict]) -> None:
    faults.append(fault)
    print(f"{fault['index']}: {fault['kind']}: {fault['text']}", flush=True)


def work(seed: int, first: int, last: int) -> None:
    """Throw the inputs in this process; tells on standard output which one is on, and its fault."""
    import resource

    from qspin.errors import QspinError

    out = os.dup(1)
    os.dup2(2, 1)  # what libraries print goes elsewhere
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"FUZZ_FOLDER": folder, "QSPIN_DATA_DIR": folder, "QSPIN_CACHE_DIR": folder}
        from doors import throw

        for index in range(first, last):
            os.write(out, json.dumps({"index": index}).encode() + b"\n")
            start = time.monotonic()
            try:
                throw(seed, index, Path(folder))
            except QspinError as error:
                if len(str(error)) > 20_000:
                    report(out, index, "a message of more than 20000 letters")
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)
                ours = [f for f in where if "/qspin" in f.filename and "fuzz" not in f.filename] or where
                place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
                door = next(
                    (f.name for f in where if f.filename.endswith("doors.py") and f.name != "throw"), ""
                )
                text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                report(out, index, f"{door}: {place}: {text}".encode("utf-8", "replace").decode())
            if time.monotonic() - start > SECONDS:
                report(out, index, "took too long", "hangs")


def report(out: int, index: int, text: str, kind: str = "exceptions") -> None:
    os.write(out, json.dumps({"index": index, "kind": kind, "text": text}).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
