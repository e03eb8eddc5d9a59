"""Likely mistakes of a whole config or of an override, told before the many faults that follow from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from qspin import registry
from qspin.errors import InputError
from qspin.experiment.config.lines import ROOMS
from qspin.experiment.config.yaml_source import Key, YamlSource
from qspin.settings import setting_names

__all__ = ["refuse_earlier_schema", "refuse_other_config", "refuse_stray_overrides"]

_RENAMED = {
    "analysis": "'analysis: {temperatures, link_overlap}' is now 'studies: {overlaps: {temperatures, "
    "links}}'",
    "target": "'target: {probability, gap}' is now 'studies: {time_to_solution: {probability, gap}}'",
    "clock": "'clock' is now 'studies: {time_to_solution: {clock}}'",
}
"""Keys of schema 1 -> what has become of them."""


def refuse_other_config(source: YamlSource) -> None:
    """Refuse a file that is no config but the spec of a backend.

    Raises
    ------
    InputError
        Naming what it is for.
    """
    data = source.data
    if "problems" not in data and data.get("name") in registry.names(registry.BACKEND):
        raise InputError(
            f"{source.path} is the spec of a backend, not a config; give it to a config: qspin run CONFIG "
            f"--backend {source.path}"
        )


def refuse_earlier_schema(data: Mapping[str, Any]) -> None:
    """Refuse a config of schema 1.

    Raises
    ------
    InputError
        Saying what to rename.
    """
    if data.get("schema") != 1:
        return
    changes = [text for key, text in _RENAMED.items() if key in data]
    for _, spec in _specs(data, "problems"):
        if "family" in spec:
            changes.append("'family' is gone: 'instances: n' makes an axis that is averaged over")
            break
    told = "; ".join(changes) if changes else "nothing else changes in this file"
    raise InputError(f"schema 1 is that of earlier versions: write 'schema: 2'; {told}", key=("schema",))


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


def _places(data: Mapping[str, Any], name: str) -> Iterator[str]:
    """Where in a config a key would stand that was given without its place."""
    for room in ("backends", "problems", "studies"):
        specs = dict(_specs(data, room))
        if name in specs:
            yield room
            return
    for room, kind in (*ROOMS.items(), ("studies", registry.STUDY)):
        for label, spec in _specs(data, room):
            if name in _settings(kind, spec.get("name", spec.get("kind", label))):
                yield f"{room}.{label}"


def _settings(kind: registry.Kind, name: Any) -> list[str]:
    try:
        return setting_names(registry.spec_class(kind, name))
    except (InputError, TypeError):  # not installed, broken or no name: that is told when it is made
        return []


def _specs(data: Mapping[str, Any], room: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = data.get(room)
    if not isinstance(found, Mapping):
        return []
    return [
        (str(label), spec or {}) for label, spec in found.items() if spec is None or isinstance(spec, Mapping)
    ]
