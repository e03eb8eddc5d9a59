"""Likely mistakes of a whole config or of an override, told before the many faults that follow from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

from qspin.errors import InputError
from qspin.experiment.problem_specs import settings_of_kind
from qspin.experiment.yaml_source import Key, YamlSource
from qspin.registry import available_backends, backend_class
from qspin.settings import setting_names

__all__ = ["refuse_other_config", "refuse_stray_overrides"]

Command = Literal["run", "bench"]


def refuse_other_config(source: YamlSource, command: Command) -> None:
    """Refuse a file that another command takes.

    Raises
    ------
    InputError
        Naming that command.
    """
    data = source.data
    if "problems" not in data and data.get("name") in available_backends():
        raise InputError(
            f"{source.path} is the spec of a backend, not a config; give it to a config: qspin run CONFIG "
            f"--backend {source.path}"
        )
    is_bench = _is_bench(data)
    if command == "run" and is_bench:
        raise InputError(f"{source.path} is the config of a benchmark: qspin bench {source.path}")
    if command == "bench" and not is_bench and _specs(data, "problems"):
        raise InputError(
            f"{source.path} is the config of a run, whose problems have no 'sizes': qspin run {source.path}"
        )


def refuse_stray_overrides(data: Mapping[str, Any], keys: Sequence[Key], valid: Collection[str]) -> None:
    """Refuse ``--set n_sweeps=5`` and the like, which set what belongs to a backend or a problem.

    Parameters
    ----------
    data : the config, overrides applied
    keys : of the overrides
    valid : keys of a config

    Raises
    ------
    InputError
        Naming the key that was meant.
    """
    for key in keys:
        if key[0] not in valid and (places := list(_places(data, str(key[0])))):
            path = ".".join(map(str, key))
            meant = " or ".join(f"--set {place}.{path}=..." for place in places)
            raise InputError(f"--set {path}: a config has no key {key[0]!r}; expected {meant}", key=key)


def _is_bench(data: Mapping[str, Any]) -> bool:
    families = any("sizes" in spec for _, spec in _specs(data, "problems"))
    lengths = any("lengths" in spec for _, spec in _specs(data, "backends"))
    return families or lengths or "target" in data or "clock" in data


def _places(data: Mapping[str, Any], name: str) -> Iterator[str]:
    """Where in a config a key would stand that was given without its place."""
    for room in ("backends", "problems"):
        specs = _specs(data, room)
        if name in dict(specs):
            yield room
            return
    for label, spec in _specs(data, "backends"):
        if spec.get("name") in available_backends() and name in _settings(spec["name"]):
            yield f"backends.{label}"
    for label, spec in _specs(data, "problems"):
        if name in settings_of_kind(spec.get("kind")):
            yield f"problems.{label}"


def _settings(backend: str) -> list[str]:
    try:
        return setting_names(backend_class(backend))
    except InputError:  # not installed, or broken: that is told when it is made
        return []


def _specs(data: Mapping[str, Any], room: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = data.get(room)
    if not isinstance(found, Mapping):
        return []
    return [(str(label), spec) for label, spec in found.items() if isinstance(spec, Mapping)]
