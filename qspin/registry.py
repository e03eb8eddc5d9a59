"""Backend name -> class, imported when first asked for. The only place that names backends."""

from __future__ import annotations

import functools
import importlib.util
import inspect
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from qspin.confidential import refuse_secrets
from qspin.errors import InputError, MissingExtraError, QspinError, install_command, nearest_name
from qspin.sampler import Sampler
from qspin.settings import setting_names

__all__ = ["available_backends", "backend_class", "get_backend", "known_packages"]

GROUP = "qspin.backends"
READY = "ready"
_KNOWN = ("dimod", "dwave", "minorminer", "qspin", "qspin_backends")


class _Builtin(NamedTuple):
    path: str
    module: str | None = None  # an optional dependency ...
    extra: str | None = None  # ... and the extra of qspin that installs it


_BUILTIN = {
    "exact": _Builtin("qspin_backends.exact:Exact"),
    "tempering": _Builtin("qspin_backends.tempering:Tempering"),
    "annealer": _Builtin("qspin_backends.annealer:Annealer", module="dwave.system", extra="dwave"),
    "qaoa": _Builtin("qspin_backends.qaoa:Qaoa", module="qiskit_aer", extra="qiskit"),
    "ocean": _Builtin("qspin_backends.ocean:Ocean", module="dwave.samplers", extra="dwave"),
}


def get_backend(name: str, /, **settings: Any) -> Sampler:
    """A sampler by name, with its settings fixed.

    Parameters
    ----------
    name : one of `available_backends`
    settings : of that backend; those not given keep their defaults

    Raises
    ------
    InputError
        For an unknown name or setting (the message names the nearest valid one) or an unusable value.
    MissingExtraError
        If the backend's optional dependency is not installed.

    Examples
    --------
    >>> get_backend("exact", betas=[0.5, 1.0]).betas
    (0.5, 1.0)
    """
    cls = backend_class(name)
    if not setting_names(cls):
        _refuse_unknown(name, cls, settings)
        refuse_secrets(settings, name)
    try:
        return cls(**settings)
    except QspinError:
        raise
    except (Exception, SystemExit) as error:
        if name in _BUILTIN:
            raise
        reason = " ".join(str(error).split())
        raise InputError(
            f"backend {name!r} cannot be made with these settings: {type(error).__name__}: {reason}"
        ) from error


def backend_class(name: str) -> type[Sampler]:
    """The class behind a backend name, imported now. Raises as `get_backend` does."""
    third_party = _third_party()
    if name in _BUILTIN:
        builtin = _BUILTIN[name]
        if builtin.module is not None and not _installed(builtin.module):
            assert builtin.extra is not None
            raise MissingExtraError(f"backend {name!r}", extra=builtin.extra, module=builtin.module)
        module, _, attribute = builtin.path.partition(":")
        return getattr(import_module(module), attribute)
    if name in third_party:
        return _loaded(third_party[name])
    raise InputError(f"no backend {name!r}: {nearest_name(name, {*_BUILTIN, *third_party})}", key=("name",))


def _loaded(entry: EntryPoint) -> type[Sampler]:
    """The class behind an entry point, whose module may do anything when it is imported."""
    whose = f"backend {entry.name!r} of {_distribution(entry)}"
    try:
        cls = entry.load()
    except (Exception, SystemExit) as error:
        reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise InputError(
            f"{whose} cannot be imported: {' '.join(reason.split())}; reinstall or update that package"
        ) from error
    if not isinstance(cls, type) or not callable(getattr(cls, "sample", None)):
        raise InputError(f"{whose} is no class with a method sample; update that package")
    return cls


def available_backends() -> dict[str, str]:
    """Every registered backend: name -> ``"ready"``, or the reason why it is not.

    Examples
    --------
    >>> available_backends()["exact"]
    'ready'
    """
    states = {}
    for name in sorted({*_BUILTIN, *_third_party()}):
        if name in _BUILTIN:
            module, extra = _BUILTIN[name].module, _BUILTIN[name].extra
            ready = module is None or _installed(module)
            states[name] = READY if ready else f"needs {module}: {install_command(str(extra))}"
            continue
        try:
            backend_class(name)
            states[name] = READY
        except InputError as error:
            states[name] = str(error)
    return states


def known_packages() -> frozenset[str]:
    """Packages that import paths in a config may lead to: Ocean's, our own, those that register a backend."""
    registered = (entry.value.partition(":")[0].partition(".")[0] for entry in _third_party().values())
    return frozenset({*_KNOWN, *registered})


@functools.cache
def _third_party() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        rival = "qspin" if entry.name in _BUILTIN else None
        if entry.name in found and found[entry.name].value != entry.value:
            rival = _distribution(found[entry.name])
        if rival is not None:
            raise InputError(
                f"backend {entry.name!r} is registered twice, by {rival} and by {_distribution(entry)}; "
                "uninstall one of them or rename its entry point"
            )
        found[entry.name] = entry
    return found


def _distribution(entry: EntryPoint) -> str:
    return f"package {entry.dist.name!r}" if entry.dist is not None else f"entry point {entry.value!r}"


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


def _refuse_unknown(name: str, cls: type, settings: dict[str, Any]) -> None:
    """Unknown settings of a class that is not a dataclass, by its constructor's signature."""
    parameters = inspect.signature(cls).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return
    for setting in settings:
        if setting not in parameters:
            raise InputError(
                f"{name} has no setting {setting!r}: {nearest_name(setting, parameters)}", key=(setting,)
            )
