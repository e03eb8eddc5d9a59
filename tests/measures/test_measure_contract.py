"""One contract over every registered measure."""

from __future__ import annotations

from qspin import registry
from qspin.testing import MeasureContract

SETTINGS = {
    "compare": {"permutations": 99},
    "find_states": {"n_null": 4},
    "reweighted_curve": {"betas": [0.2, 0.7]},
    "ultrametricity": {"n_triples": 500, "n_null": 9},
}

for name in registry.names(registry.MEASURE):
    title = "Test" + "".join(word.capitalize() for word in name.split("_"))
    globals()[title] = type(
        title, (MeasureContract,), {"name": name, "settings": SETTINGS.get(name, {}), "__module__": __name__}
    )
