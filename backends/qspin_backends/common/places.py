"""Where backends keep what outlives a process: embeddings, which can be found again, and paid answers."""

from __future__ import annotations

import os
from pathlib import Path

from qspin.errors import RunError
from qspin.sampler import cache_folder

__all__ = ["embeddings_folder", "journal_folder", "private_folder"]


def embeddings_folder() -> Path:
    """``$QSPIN_CACHE_DIR/embeddings``, by default in the user's cache folder."""
    return cache_folder() / "embeddings"


def journal_folder(backend: str) -> Path:
    """``$QSPIN_DATA_DIR/<backend>``, by default in the user's data folder: answers that were paid for."""
    if chosen := os.environ.get("QSPIN_DATA_DIR"):
        return Path(chosen) / backend
    import platformdirs

    return platformdirs.user_data_path("qspin") / backend


def private_folder(folder: Path) -> Path:
    """The folder, made if it is missing; nobody else looks into it.

    Raises
    ------
    RunError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_mode & 0o077:  # of an earlier version
            folder.chmod(0o700)
    except OSError as error:
        raise RunError(
            f"cannot make the private folder {folder}: {error.strerror}; set QSPIN_DATA_DIR to another place"
        ) from error
    return folder
