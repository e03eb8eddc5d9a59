"""Name -> what is behind it, imported when first asked for: with `qspin.builtin` the only place that
names kinds of anything.

Adding one is a file and a line of a table there, or an entry point in another package, in the group
``qspin.backends``, ``qspin.sources``, ``qspin.measures``, ``qspin.studies`` or ``qspin.executors``.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from qspin.builtin import BACKENDS, EXECUTORS, MEASURES, SOURCES, STUDIES, Builtin
from qspin.clamped_source import CLAMP, clamped_class
from qspin.confidential import refuse_secrets
from qspin.errors import InputError, MissingExtraError, QspinError, install_command, nearest_name
from qspin.executor import Executor
from qspin.measure import Measure
from qspin.sampler import Sampler
from qspin.settings import setting_names
from qspin.source import Source, source_of
from qspin.study import Study

__all__ = [
    "READY",
    "Kind",
    "available",
    "available_backends",
    "backend_class",
    "class_of",
    "get_backend",
    "get_measure",
    "get_source",
    "get_study",
    "kinds",
    "known_packages",
    "made",
    "names",
    "spec_class",
]

READY = "ready"
_KNOWN = ("dimod", "dwave", "minorminer", "qspin", "qspin_backends")


class Kind(NamedTuple):
    """A kind of things with names.

    Parameters
    ----------
    name : of the kind, singular, for messages
    group : of entry points
    builtin : what qspin brings
    base : what a class is expected to be
    methods : that it must have
    is_frozen : whether its settings must be declared by `qspin.settings.settings`
    """

    name: str
    group: str
    builtin: Mapping[str, Builtin]
    base: type
    methods: tuple[str, ...]
    is_frozen: bool = True


BACKEND = Kind("backend", "qspin.backends", BACKENDS, Sampler, ("sample",), is_frozen=False)
SOURCE = Kind("source", "qspin.sources", SOURCES, Source, ("needs", "outline", "build", "identity", "notes"))
MEASURE = Kind("measure", "qspin.measures", MEASURES, Measure, ("measure", "average"))
STUDY = Kind("study", "qspin.studies", STUDIES, Study, ("plan", "conclude"))
EXECUTOR = Kind("executor", "qspin.executors", EXECUTORS, Executor, ("run",))


def kinds() -> dict[str, Kind]:
    """Every kind of things with names, by its plural."""
    return {
        "backends": BACKEND,
        "sources": SOURCE,
        "measures": MEASURE,
        "studies": STUDY,
        "executors": EXECUTOR,
    }


# -- one of a kind -------------------------------------------------------------------------------


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
    return made(BACKEND, name, settings)


def get_source(name: str, /, **settings: Any) -> Source:
    """A source of problems by its kind; raises as `get_backend`.

    Examples
    --------
    >>> get_source("mattis", n_spins=3).build({}).n_spins
    3
    """
    return made(SOURCE, name, settings)


def get_measure(name: str, /, **settings: Any) -> Measure:
    """A measure by name; raises as `get_backend`."""
    return made(MEASURE, name, settings)


def get_study(name: str, /, **settings: Any) -> Study:
    """A study by name; raises as `get_backend`."""
    return made(STUDY, name, settings)


def made(kind: Kind, name: str, settings: Mapping[str, Any]) -> Any:
    """One of any kind; raises as `get_backend`."""
    cls = spec_class(kind, name) if CLAMP in settings else class_of(kind, name)
    if not setting_names(cls):
        _refuse_unknown(name, cls, settings)
        refuse_secrets(settings, name)
    try:
        return cls(**settings)
    except QspinError:
        raise
    except (Exception, SystemExit) as error:
        if name in kind.builtin:
            raise
        reason = " ".join(str(error).split())
        raise InputError(
            f"{kind.name} {name!r} cannot be made with these settings: {type(error).__name__}: {reason}"
        ) from error


def backend_class(name: str) -> type[Sampler]:
    """The class behind a backend name, imported now. Raises as `get_backend` does."""
    return class_of(BACKEND, name)


def class_of(kind: Kind, name: str) -> type[Any]:
    """The class behind a name, imported now.

    Raises
    ------
    InputError
        If there is none, or that of a third party cannot be imported or is no such class.
    MissingExtraError
        If an optional dependency is not installed.
    """
    third_party = _third_party(kind.group)
    if name in kind.builtin:
        builtin = kind.builtin[name]
        if builtin.module is not None and not _installed(builtin.module):
            assert builtin.extra is not None
            raise MissingExtraError(f"{kind.name} {name!r}", extra=builtin.extra, module=builtin.module)
        module, _, attribute = builtin.path.partition(":")
        return _as_class(kind, name, getattr(import_module(module), attribute))
    if name in third_party:
        return _loaded(kind, third_party[name])
    raise InputError(f"no {kind.name} {name!r}: {nearest_name(name, names(kind))}", key=("name",))


def spec_class(kind: Kind, name: str) -> type[Any]:
    """The class of everything that stands under a name in a config: a source with ``clamp`` beside its own
    settings. Raises as `class_of`."""
    cls: Any = class_of(kind, name)
    return clamped_class(cls) if kind is SOURCE else cls


def _as_class(kind: Kind, name: str, found: Any) -> Any:
    """The class itself; a function that generates problems becomes a source."""
    return source_of(found, name) if kind is SOURCE and inspect.isfunction(found) else found


def _loaded(kind: Kind, entry: EntryPoint) -> type[Any]:
    """The class behind an entry point, whose module may do anything when it is imported."""
    try:
        cls = _as_class(kind, entry.name, entry.load())
    except (Exception, SystemExit) as error:
        reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise InputError(
            f"{_whose(kind, entry)} cannot be imported: {' '.join(reason.split())}; reinstall or update that "
            "package"
        ) from error
    if fault := _fault(kind, cls):
        raise InputError(f"{_whose(kind, entry)} {fault}; update that package")
    return cls


def _whose(kind: Kind, entry: EntryPoint) -> str:
    """For messages: it takes a look into the files of a package."""
    return f"{kind.name} {entry.name!r} of {_distribution(entry)}"


def _fault(kind: Kind, cls: Any) -> str | None:
    """Why something is none of a kind, as far as a class tells."""
    for method in kind.methods:
        if not isinstance(cls, type) or not callable(getattr(cls, method, None)):
            return f"is no class with a method {method}"
    if not kind.is_frozen:
        return None
    parameters: Any = getattr(cls, "__dataclass_params__", None)
    if not dataclasses.is_dataclass(cls) or not parameters.frozen:
        return "declares no frozen settings (expected the decorator qspin.settings.settings)"
    return None


# -- all of a kind -------------------------------------------------------------------------------


def names(kind: Kind) -> list[str]:
    """Every registered name, sorted; nothing is imported."""
    return sorted({*kind.builtin, *_third_party(kind.group)})


def available_backends() -> dict[str, str]:
    """Every registered backend: name -> ``"ready"``, or the reason why it is not.

    Examples
    --------
    >>> available_backends()["exact"]
    'ready'
    """
    return available(BACKEND)


def available(kind: Kind) -> dict[str, str]:
    """Every registered name: ``"ready"``, or the reason why it is not; third parties' are imported."""
    states = {}
    for name in names(kind):
        if name in kind.builtin:
            module, extra = kind.builtin[name].module, kind.builtin[name].extra
            ready = module is None or _installed(module)
            states[name] = READY if ready else f"needs {module}: {install_command(str(extra))}"
            continue
        try:
            class_of(kind, name)
            states[name] = READY
        except InputError as error:
            states[name] = str(error)
    return states


def known_packages() -> frozenset[str]:
    """Packages that import paths in a config may lead to: Ocean's, our own, those that register anything."""
    entries = [entry for kind in kinds().values() for entry in _third_party(kind.group).values()]
    return frozenset({*_KNOWN, *(entry.value.partition(":")[0].partition(".")[0] for entry in entries)})


@functools.cache
def _third_party(group: str) -> dict[str, EntryPoint]:
    (kind,) = [kind for kind in kinds().values() if kind.group == group]
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        rival = "qspin" if entry.name in kind.builtin else None
        if entry.name in found and found[entry.name].value != entry.value:
            rival = _distribution(found[entry.name])
        if rival is not None:
            raise InputError(
                f"{kind.name} {entry.name!r} is registered twice, by {rival} and by {_distribution(entry)}; "
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


def _refuse_unknown(name: str, cls: Callable[..., Any], settings: Mapping[str, Any]) -> None:
    """Unknown settings of a class that is not a dataclass, by its constructor's signature."""
    parameters = inspect.signature(cls).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return
    for setting in settings:
        if setting not in parameters:
            raise InputError(
                f"{name} has no setting {setting!r}: {nearest_name(setting, parameters)}", key=(setting,)
            )
