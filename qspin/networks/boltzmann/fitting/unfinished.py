"""Unfinished training in a file, so that it goes on where it was."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qspin.checkpoint import Checkpoint
from qspin.files import require_writable

__all__ = ["Unfinished", "digest_of_data"]

_VERSION = 4


class Unfinished:
    """The checkpoint of one training, or none.

    Parameters
    ----------
    path : of the file; None: nothing is kept
    seconds : between two saves
    identity : JSON values that a training must share to go on from there
    """

    def __init__(self, path: str | os.PathLike[str] | None, seconds: float, identity: Mapping[str, Any]):
        self._identity = {"training": _VERSION, **identity}
        self._checkpoint = None
        if path is not None:
            require_writable(path)
            self._checkpoint = Checkpoint(path, seconds)

    def load(self) -> dict[str, Any] | None:
        """What was saved; None if there is nothing. Raises InputError where it is of another training."""
        arrays = None if self._checkpoint is None else self._checkpoint.load(self._identity)
        if arrays is None:
            return None
        return torch.load(io.BytesIO(arrays["state"].tobytes()), weights_only=True)

    def keep(self, state: Any) -> None:
        """Save what `state()` gives, if it is time."""
        if self._checkpoint is None or not self._checkpoint.is_due:
            return
        content = io.BytesIO()
        torch.save(state(), content)
        self._checkpoint.keep(self._identity, {"state": np.frombuffer(content.getvalue(), dtype=np.uint8)})

    def done(self) -> None:
        """The training is complete: the file is removed."""
        if self._checkpoint is not None:
            self._checkpoint.discard()
            self._checkpoint.close()


def digest_of_data(*parts: Tensor | None) -> str:
    """SHA-256 of data, hex."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(b"none" if part is None else str(tuple(part.shape)).encode())
        if part is not None:
            sha.update(np.packbits((part == 1).cpu().numpy()).tobytes())
    return sha.hexdigest()
