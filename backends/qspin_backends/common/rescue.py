"""Reads that came before something failed: kept in a file of their own, because they may have cost money."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dimod

from qspin.errors import RunError
from qspin.sampler import atomic_write, redacted
from qspin_backends.common.places import journal_folder, private_folder

__all__ = ["rescued"]


@contextlib.contextmanager
def rescued(answer: dimod.SampleSet, backend: str, facts: Mapping[str, Any]) -> Iterator[None]:
    """Keep the reads of a dimod sampler on disk if the block fails.

    The file, in the folder of what was paid for, is JSON: ``answer`` as `dimod.SampleSet.from_serializable`
    reads it, over the positions in ``variables``.

    Parameters
    ----------
    facts : what else to write; plain JSON

    Raises
    ------
    RunError
        In place of what failed, naming the file. An interrupt stays one, and names it too.
    """
    try:
        yield
    except BaseException as error:
        kept = f"the reads that came are kept in {_written(answer, backend, facts)}"
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(kept) from error
        if not isinstance(error, Exception):
            raise
        failure = redacted(f"{type(error).__name__}: {error}")
        raise RunError(f"what the sampler returned cannot be used ({failure}); {kept}") from error


def _written(answer: dimod.SampleSet, backend: str, facts: Mapping[str, Any]) -> Path:
    positions = dimod.SampleSet(answer.record, range(len(answer.variables)), {}, answer.vartype)
    content = {**facts, "variables": list(map(repr, answer.variables)), "answer": positions.to_serializable()}
    folder = private_folder(journal_folder(backend))
    file = folder / f"rescued-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}.json"
    atomic_write(file, json.dumps(content), mode=0o600)
    return file
