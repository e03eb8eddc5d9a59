"""Every registered study keeps the contract."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from qspin import registry
from qspin.testing import StudyContract

SMALL_TWIN = {"kind": "mlp", "dataset": "digits_small", "layers": [12, 5, 3], "epochs": 3}
EA = {"kind": "edwards_anderson", "instances": 3, "couplings": "bimodal"}


class TestComparison(StudyContract):
    study = "comparison"
    settings: ClassVar[dict[str, Any]] = {"permutations": 99}


class TestEquilibrium(StudyContract):
    study = "equilibrium"


class TestOverlaps(StudyContract):
    study = "overlaps"
    settings: ClassVar[dict[str, Any]] = {"temperatures": [0.5, 1.0]}


class TestTimeToSolution(StudyContract):
    study = "time_to_solution"


class TestTimeToSolutionOverSizesAndLengths(StudyContract):
    study = "time_to_solution"
    problems: ClassVar[dict[str, Any]] = {
        "glass": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [6, 8]}, "instances": 2}
    }
    backends: ClassVar[dict[str, Any]] = {
        "tempering": {
            "name": "tempering",
            "betas": [0.5, 2.0],
            "n_replicas": 20,
            "n_burn_in": 0,
            "n_draws": 1,
            "lengths": {"n_sweeps": [1, 4]},
        }
    }


def test_every_study_is_here():
    here = {cls.study for cls in globals().values() if isinstance(cls, type) and issubclass(cls, StudyContract) and hasattr(cls, "study")}  # fmt: skip
    assert here == set(registry.names(registry.STUDY))


def test_studies_and_measures_have_names_of_their_own():
    both = set(registry.names(registry.STUDY)) & set(registry.names(registry.MEASURE))
    assert not both, "a config could not tell them apart"


@pytest.mark.parametrize("name", registry.names(registry.STUDY))
def test_standard_studies_plan_nothing_rather_than_refuse(name):
    """Where they are not asked for by name, having nothing to say is no fault."""
    from qspin.experiment.config import config_from_plain

    config = config_from_plain(
        {"schema": 2, "name": "x", "problems": {"a": {"kind": "mattis", "n_spins": 4}},
         "backends": {"exact": {"name": "exact", "betas": [1.0], "n_replicas": 4}}}
    )  # fmt: skip
    if registry.get_study(name).is_standard:
        assert name in config.plans or not registry.get_study(name).plan(config.asked).wanted
