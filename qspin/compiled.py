"""Numba's ``njit`` for kernels, with a cache that helps where it can and is never in the way.

Numba keeps compiled kernels beside their source or in the home folder of the user, and refuses to define a
kernel where it can write to neither: a package installed for all users, a container without a home.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["njit"]

_SHARED = "common"
"""Room beside a backend's own whose code its kernels may call."""


def njit(
    function: Callable[..., Any] | None = None, /, *, cache: bool = False, inner: bool = False, **options: Any
) -> Any:
    """`numba.njit`, with a cache that is optional.

    Where Numba finds no folder to keep a kernel in, ``$QSPIN_CACHE_DIR/numba`` does, or else a private folder
    among the temporary files, or else none: then every process compiles its kernels anew, and a warning says
    so once.

    The wrapper by which C would call a kernel is left out, as nobody does: kernels that take many arrays are
    compiled in less time without. ``no_cfunc_wrapper=False`` has it made.

    Parameters
    ----------
    function : to compile; None: a decorator is returned, as by `numba.njit`
    cache : keep the compiled kernel for the next process, if there is a place for it
    inner : for other kernels alone to call; the wrapper by which Python would is left out, too
    options : further ones of `numba.njit`
    """
    if function is None:
        return functools.partial(njit, cache=cache, inner=inner, **options)
    options = {"no_cfunc_wrapper": True, "no_cpython_wrapper": inner, **options}
    kernel = _kept(function, options) if cache else _compiled(function, options)
    return _Inner(kernel) if inner and hasattr(kernel, "_numba_type_") else kernel  # not if NUMBA_DISABLE_JIT


class _Inner:
    """What kernels call, and Python cannot: without this Numba would take the process down where it tries."""

    def __init__(self, kernel: Any):
        functools.update_wrapper(self, kernel)
        self._kernel = kernel

    @property
    def _numba_type_(self) -> Any:
        """By which kernels know it."""
        return self._kernel._numba_type_

    def __call__(self, *_: Any) -> None:
        raise TypeError(f"{self._kernel.__name__} is compiled for other kernels to call, and not for Python")


def _compiled(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    import numba  # heavy: no one waits for it who only reads a config

    return numba.njit(**options)(function)


def _kept(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """The kernel with a cache in the first folder that will do, if there is one."""
    cached = {**options, "cache": True}
    try:
        kernel = _compiled(function, cached)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        if (folder := _folder()) is None:
            _warn_once("no folder can be written to")
            return _compiled(function, options)
        with _cache_in(folder):
            kernel = _compiled(function, cached)
    return _without_a_grudge(kernel)


def _without_a_grudge(kernel: Any) -> Any:
    """The kernel, which will go on where its cache can no longer be read or written: a full disk, say."""
    cache = getattr(kernel, "_cache", None)
    index, own = getattr(cache, "_cache_file", None), _sources(_room(kernel.__module__))
    if index is not None and own:
        index._source_stamp = (index._source_stamp, own)
    for name in ("load_overload", "save_overload"):
        if hasattr(cache, name):  # not under NUMBA_DISABLE_JIT
            setattr(cache, name, _tolerant(getattr(cache, name)))
    return kernel


def _room(module: str) -> str:
    """The package that a module is in, such as that of a backend."""
    return ".".join(module.split(".")[:2])


@functools.cache
def _sources(name: str) -> str:
    """A digest of all sources of a room and of what it shares; of a module that is none, nothing.

    What a kernel calls is compiled into it, but Numba takes a kept one for good while the file of the kernel
    itself is as it was.
    """
    room = sys.modules.get(name)
    sha = hashlib.sha256()
    for folder in map(Path, getattr(room, "__path__", ())):
        for path in sorted({*folder.rglob("*.py"), *(folder.parent / _SHARED).rglob("*.py")}):
            sha.update(f"{path.name} ".encode() + path.read_bytes())
    return sha.hexdigest() if hasattr(room, "__path__") else ""


def _tolerant(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def tried(*args: Any) -> Any:
        try:
            return method(*args)
        except OSError as error:
            _warn_once(error.strerror or "unreadable cache")
            return None

    return tried


@functools.cache
def _folder() -> Path | None:
    """The first folder of ours that a kernel can be kept in."""
    from qspin import __version__  # kernels of one version are none of another

    for place in _places():
        with contextlib.suppress(OSError):  # this one will not do
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_private(place):
                (place / __version__).mkdir(exist_ok=True)
                tempfile.TemporaryFile(dir=place / __version__).close()
                return place / __version__
    return None


def _places() -> Iterator[Path]:
    if chosen := os.environ.get("QSPIN_CACHE_DIR"):
        yield Path(chosen) / "numba"
    if hasattr(os, "getuid"):
        with contextlib.suppress(OSError):  # there may be no folder for temporary files either
            yield Path(tempfile.gettempdir()) / f"qspin-numba-{os.getuid()}"


def _is_private(folder: Path) -> bool:
    """Whether nobody else can put code there, which Numba would run."""
    if not hasattr(os, "getuid"):
        return True
    found = folder.lstat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022 and not folder.is_symlink()


@contextlib.contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    import numba

    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


@functools.cache  # once a reason
def _warn_once(reason: str) -> None:
    warnings.warn(
        f"compiled kernels cannot be kept ({reason}), so every process compiles them anew; set "
        "QSPIN_CACHE_DIR to a folder that can be written to",
        stacklevel=2,
    )
