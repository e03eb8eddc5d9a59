"""Where backends keep what outlives a process: embeddings, which can be found again, and paid answers."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["embeddings_folder", "journal_folder"]


def embeddings_folder() -> Path:
    """``$QSPIN_CACHE_DIR/embeddings``, by default in the user's cache folder."""
    return _folder("QSPIN_CACHE_DIR", "user_cache_path") / "embeddings"


def journal_folder(backend: str) -> Path:
    """``$QSPIN_DATA_DIR/<backend>``, by default in the user's data folder: answers that were paid for."""
    return _folder("QSPIN_DATA_DIR", "user_data_path") / backend


def _folder(variable: str, default: str) -> Path:
    if chosen := os.environ.get(variable):
        return Path(chosen)
    import platformdirs

    return getattr(platformdirs, default)("qspin")
