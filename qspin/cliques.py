"""Cliques of annealers by `minorminer.busclique`, which keeps them on disk: in our cache, if that can be."""

from __future__ import annotations

import functools
import os
import pickle
import tempfile
import threading
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["cache_folder", "search_cliques"]

T = TypeVar("T")

_directed = threading.Lock()  # the place where busclique keeps things is one for the whole process
_UNUSABLE = (OSError, EOFError, pickle.UnpicklingError, ValueError, LookupError, AttributeError)
"""What a cache without a place, or a damaged one, ends in; what is no fault of the cache is raised again."""


def cache_folder() -> Path:
    """``$QSPIN_CACHE_DIR``, by default in the user's cache folder: what can be found again."""
    if chosen := os.environ.get("QSPIN_CACHE_DIR"):
        return Path(chosen)
    import platformdirs

    return platformdirs.user_cache_path("qspin")


def search_cliques(graph: nx.Graph, seed: int, search: Callable[[Any], T]) -> T:
    """What `search` finds in the cliques of a device; the same arguments find the same.

    Where they cannot be kept in ``$QSPIN_CACHE_DIR/busclique`` they are kept among the temporary files until
    `search` returns, and a warning says so once.

    Parameters
    ----------
    graph : of the device, with the attributes of its topology
    seed : of the search
    search : takes a `minorminer.busclique.busgraph_cache` of the graph
    """
    from minorminer import busclique

    kept = cache_folder() / "busclique" / f"{version('minorminer')}-{seed}"
    try:
        return _directed_to(kept, lambda: search(busclique.busgraph_cache(graph, seed=seed)))
    except _UNUSABLE as error:
        _warn_once(str(kept.parent), getattr(error, "strerror", None) or type(error).__name__)
    # not without any: then the search of small cliques in Zephyr does not end (minorminer 0.2.22)
    with tempfile.TemporaryDirectory() as folder:
        return _directed_to(Path(folder), lambda: search(busclique.busgraph_cache(graph, seed=seed)))


def _directed_to(folder: Path, search: Callable[[], T]) -> T:
    """Searched with the cache of busclique in a folder: by itself it lies beside the interpreter."""
    from minorminer.busclique import busgraph_cache

    with _directed:
        original = busgraph_cache.cache_rootdir
        busgraph_cache.cache_rootdir = staticmethod(lambda version=None: str(folder))
        try:
            return search()
        finally:
            busgraph_cache.cache_rootdir = staticmethod(original)


@functools.cache
def _warn_once(folder: str, reason: str) -> None:
    warnings.warn(
        f"cliques of devices cannot be kept in {folder} ({reason}), so that every process searches them "
        "anew; set QSPIN_CACHE_DIR to a folder that can be written to",
        stacklevel=3,
    )
