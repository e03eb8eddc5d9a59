"""Settings in which problems of one kind, or backends of one name, differ: what is compared at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qspin.settings import settings_of
from qspin.studies.series import told
from qspin.studies.wording import some
from qspin.study import Asked

__all__ = ["differing_settings"]

_MOST_NAMED = 6  # labels, and values of each setting
_LONGEST = 60  # letters of a value


def differing_settings(asked: Asked) -> list[str]:
    """A sentence for each kind of problem, and each backend, that stands in a config more than once.

    Settings that run along an axis are not among them: results have those as dimensions.
    """
    problems = {label: (line.kind, line.source, line.axes) for label, line in asked.problems.items()}
    backends = {label: (line.name, line.sampler, line.axes) for label, line in asked.backends.items()}
    return [*_sentences(problems), *_sentences(backends)]


def _sentences(lines: Mapping[str, tuple[str, Any, Any]]) -> Iterator[str]:
    kinds: dict[str, list[str]] = {}
    for label, (kind, _, _) in lines.items():
        kinds.setdefault(kind, []).append(label)
    for labels in kinds.values():
        if len(labels) < 2:
            continue
        settings = {label: settings_of(lines[label][1]) for label in labels}
        swept = {axis.name for label in labels for axis in lines[label][2]}
        names = [name for name in settings[labels[0]] if name not in swept]
        differing = {name: [_value(settings[k].get(name)) for k in labels] for name in names}
        texts = [
            f"{name} ({some(values, _MOST_NAMED, once=False)})"
            for name, values in differing.items()
            if len(set(values)) > 1
        ]
        if texts:
            yield f"{some(labels, _MOST_NAMED)} differ in {', '.join(texts)}."


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "none" if value is None else told(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
