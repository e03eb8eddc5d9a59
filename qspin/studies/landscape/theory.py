"""P(q) of theory beside the overlaps of a landscape."""

from __future__ import annotations

import numpy as np

from qspin.errors import QspinError
from qspin.studies.landscape.glass import MEASURES, Place
from qspin.studies.lines import source_at, with_density
from qspin.study import Results

__all__ = ["beside_theory"]


def beside_theory(results: Results, place: Place) -> Place:
    """The same landscape; its overlaps have the density of a theory at the temperature that shows most, where
    the kind of its problem names one."""
    source = results.asked.problems[place.problem].source
    if not place.rows or not source.names_theory():
        return place
    name = MEASURES[0]
    with np.errstate(divide="ignore"):
        beta = float(1 / np.float64(place.rows[place.telling].temperature))
    try:
        drawn = with_density(place.found[name], source_at(source, place.at), [beta])
    except QspinError:
        return place  # where the formulas do not reach there is no line
    return place._replace(found={**place.found, name: drawn})
