"""The ``studies:`` of a config: registered studies and, by their names, single measures."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

from qspin import registry
from qspin.errors import InputError, nearest_name, shown
from qspin.measure import Measure
from qspin.settings import setting_names, settings_of
from qspin.study import Study

__all__ = ["Chosen", "studies_of"]

_OF_A_MEASURE = "measured"
"""Name of the study that shows what one measure finds."""


class Chosen(NamedTuple):
    """A study, or a measure with the study that shows it.

    Parameters
    ----------
    name : under which it is registered
    study : that is made
    of_measure : settings of the measure, if it is one
    """

    name: str
    study: Study
    of_measure: Mapping[str, Any] | None = None

    def spelled(self, label: str) -> dict[str, Any]:
        """As a config has it under a label, with every default."""
        own = settings_of(self.study) if self.of_measure is None else dict(self.of_measure)
        return ({} if self.name == label else {"name": self.name}) | own


def studies_of(specs: Mapping[str, Any] | None) -> dict[str, Chosen]:
    """Label -> study.

    Parameters
    ----------
    specs : label -> settings, with ``name`` where the label is none; None: all standard ones

    Raises
    ------
    InputError
        For an unknown name or setting.
    """
    if specs is None:
        return _standard()
    return {label: _study(label, dict(spec or {})) for label, spec in specs.items()}


def _standard() -> dict[str, Chosen]:
    """Those that say so, in the order of their table; one of a third party that cannot be made is told of."""
    builtin = registry.STUDY.builtin
    classes = {name: registry.class_of(registry.STUDY, name) for name in builtin}
    found = {name: Chosen(name, cls()) for name, cls in classes.items() if cls.is_standard}
    for name in registry.names(registry.STUDY):
        if name not in builtin:
            try:
                if registry.class_of(registry.STUDY, name).is_standard:
                    found[name] = Chosen(name, registry.get_study(name))
            except InputError as error:
                warnings.warn(f"study {name!r} is left out: {error}", RuntimeWarning, stacklevel=2)
    return found


def _changed(name: str, measure: Measure) -> dict[str, Any]:
    """The settings of a measure that are not its defaults, however they were given."""
    try:
        defaults = settings_of(registry.get_measure(name))
    except InputError:  # it has some that must be given
        defaults = {}
    missing = object()
    return {k: v for k, v in settings_of(measure).items() if defaults.get(k, missing) != v}


def _check_whose(measure: str, given: Mapping[str, Any]) -> None:
    """Refuse settings of the study around a measure where a measure alone is named."""
    own = set(setting_names(registry.class_of(registry.MEASURE, measure)))
    around = set(setting_names(registry.class_of(registry.STUDY, _OF_A_MEASURE))) - own
    if wrong := sorted(around.intersection(given)):
        raise InputError(
            f"{measure} is a measure, and {', '.join(wrong)} a setting of the study around it: write "
            f"{{name: {_OF_A_MEASURE}, measure: {measure}, {wrong[0]}: ...}}",
            key=(wrong[0],),
        )


def _study(label: str, settings: dict[str, Any]) -> Chosen:
    name = settings.pop("name", label)
    studies, measures = registry.names(registry.STUDY), registry.names(registry.MEASURE)
    if not isinstance(name, str) or name not in {*studies, *measures}:
        told = name if isinstance(name, str) else shown(name)
        raise InputError(
            f"no study or measure {told!r}: {nearest_name(told, [*studies, *measures])}",
            key=("studies", label),
        )
    try:
        if name in studies:
            return Chosen(name, registry.get_study(name, **settings))
        _check_whose(name, settings)
        changed = _changed(name, registry.get_measure(name, **settings))
        study = registry.get_study(_OF_A_MEASURE, measure=name, settings=changed)
        return Chosen(name, study, settings_of(registry.get_measure(name, **settings)))
    except InputError as error:
        if type(error) is not InputError:
            raise
        raise InputError(f"studies.{label}: {error}", key=("studies", label, *error.key)) from None
