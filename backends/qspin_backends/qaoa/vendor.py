"""Backends of any vendor: found by an import path, and asked what they are.

Qiskit's ``BackendV2`` is what vendors share: a target to transpile for, and ``run``. What it costs, whether
it is a simulator and how a job is found again is said by each in its own way, or not at all; what is not said
is taken to be paid.
"""

from __future__ import annotations

import functools
import inspect
import json
import types
from collections.abc import Mapping
from typing import Any

from qspin.errors import InputError, QspinError, nearest_name
from qspin.sampler import imported, redacted, require_own_server, strip_tokens

__all__ = ["is_free", "is_simulator", "largest_run", "opened", "retriever", "takes"]

_ON_THIS_MACHINE = ("qiskit_aer", "qiskit.providers", "qiskit_ibm_runtime.fake_provider", "mqt.ddsim")
"""Packages whose backends call nobody."""

_EXPECTED = "a class of BackendV2 or of a provider, or a function without arguments that returns one"

_SAYS_SIMULATOR = ("simulator", "is_simulator", "local", "is_local")
"""Under which names backends say so, as attributes, options or in their configuration."""

_SAYS_SHOTS = ("max_shots", "max_shots_per_circuit")
_SHOTS = 10_000  # of one run, where a backend does not say


def opened(path: str, name: str | None, options: Mapping[str, Any]) -> Any:
    """A backend of an import path; the same one for the same words.

    Parameters
    ----------
    path : ``package.module:name`` of a function or class that returns a backend, or a provider of backends
    name : of a provider's backends
    options : keyword arguments

    Raises
    ------
    InputError
        If there is none, it cannot be made, or it is no ``BackendV2``.
    """
    require_own_server(options, key="backend_options")
    make = imported(path, "backend", key="backend", suits=_makes_one, expected=_EXPECTED)
    return _opened(make, path, name, json.dumps(dict(options), sort_keys=True))


@functools.lru_cache(maxsize=8)
def _opened(make: Any, path: str, name: str | None, options: str) -> Any:
    from qiskit.providers import BackendV2

    strip_tokens()
    made = _called(make, path, json.loads(options))
    if name is not None or not isinstance(made, BackendV2):
        made = _of_provider(made, path, name)
    if not isinstance(made, BackendV2):
        raise InputError(
            f"backend {path} returns a {type(made).__name__}; expected a Qiskit BackendV2, or a provider and "
            "backend_name",
            key=("backend",),
        )
    if made.target is None:
        raise InputError(f"backend {path} has no target to transpile for", key=("backend",))
    return made


def _makes_one(member: Any) -> bool:
    """Whether a member of a module is a class of backends or of providers, or a function of Python."""
    from qiskit.providers import BackendV2

    if isinstance(member, type):
        return issubclass(member, BackendV2) or hasattr(member, "backends")
    return callable(member) and not isinstance(member, types.BuiltinFunctionType)


def _called(make: Any, path: str, options: dict[str, Any]) -> Any:
    """Functions are called with nothing: a file could name any, and choose what it is told."""
    if options and not isinstance(make, type):
        raise InputError(
            f"backend_options are keyword arguments of a class, and {path} is a function, which is called "
            "without; leave them out",
            key=("backend_options",),
        )
    try:
        inspect.signature(make).bind(**options)
    except TypeError as error:
        raise InputError(f"backend_options of {path}: {error}", key=("backend_options",)) from None
    except ValueError:  # no signature to be had
        pass
    try:
        return make(**options)
    except Exception as error:  # of a vendor: it may be anything
        reason = redacted(" ".join(str(error).split()))
        raise InputError(
            f"backend {path} could not be opened: {type(error).__name__}: {reason}", key=("backend",)
        ) from error


def _of_provider(provider: Any, path: str, name: str | None) -> Any:
    """One of its backends by name."""
    listed = getattr(provider, "backends", None)
    if not callable(listed):
        return provider
    try:
        found = {_name(backend): backend for backend in listed()}
    except Exception as error:
        reason = redacted(" ".join(str(error).split()))
        raise InputError(
            f"provider {path} does not list its backends: {type(error).__name__}: {reason}",
            key=("backend",),
        ) from error
    if name is None or name not in found:
        reason = "is needed: it" if name is None else f"{name!r}: the provider"
        known = f"has {', '.join(sorted(found)) or 'none'}" if name is None else nearest_name(name, found)
        raise InputError(f"backend_name {reason} {known} ({path})", key=("backend_name",))
    return found[name]


def _name(backend: Any) -> str:
    name = getattr(backend, "name", None)
    return str(name() if callable(name) else name)


def is_free(path: str | None, name: str | None, options: Mapping[str, Any]) -> bool:
    """Whether a backend is a simulator on this machine; what cannot be opened is not taken to be one."""
    try:
        return path is not None and is_simulator(opened(path, name, options))
    except QspinError:
        return False


def is_simulator(backend: Any) -> bool:
    """Whether a backend says that it simulates on this machine, or is one of Qiskit's own that do."""
    module = type(backend).__module__
    if any(module == known or module.startswith(f"{known}.") for known in _ON_THIS_MACHINE):
        return True
    return any(said is True for said in _said(backend, _SAYS_SIMULATOR))


def largest_run(backend: Any) -> int:
    """Shots that one run may ask for."""
    said = [value for value in _said(backend, _SAYS_SHOTS) if isinstance(value, int) and value > 0]
    return said[0] if said else _SHOTS


def _said(backend: Any, names: tuple[str, ...]) -> list[Any]:
    """What a backend, its options and its configuration say under some names."""
    configuration = getattr(backend, "configuration", None)
    if callable(configuration):
        try:
            configuration = configuration()
        except Exception:  # a relic that some keep without meaning
            configuration = None
    places = (backend, getattr(backend, "options", None), configuration)
    return [value for place in places for name in names if (value := getattr(place, name, None)) is not None]


def takes(backend: Any, option: str) -> bool:
    """Whether `run` of a backend has an option of that name."""
    return option in backend.options


def retriever(backend: Any) -> Any | None:
    """What finds a job by its id: a method of the backend or of its provider; None where there is none."""
    for owner in (backend, getattr(backend, "provider", None)):
        for name in ("retrieve_job", "job"):
            if callable(found := getattr(owner, name, None)):
                return found
    return None
