"""Every registered study keeps the contract, on a config that it has something to say on."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import sketching

from qspin import registry
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.testing import StudyContract

LADDER = {"geometric": [0.3, 3.0, 5]}
TWIN = {"kind": "mlp", "dataset": "digits_small", "layers": [12, 5, 3], "epochs": 2, "learning_rate": 0.01}
MACHINE = {"kind": "boltzmann", "size": 2, "hidden": 3, "epochs": 8, "instances": 2}
ANNEALER = {"name": "annealer", "topology": "none", "physics": "thermal", "n_reads": 40, "n_gauges": 0}
FEW_SHOTS = {"name": "tempering", "betas": [0.5, 2.0], "n_replicas": 20, "n_burn_in": 0, "n_draws": 1}

# name of a study -> what differs from the defaults of the contract
ASKED: dict[str, dict[str, Any]] = {
    "boltzmann_backends": {
        "problems": {
            "sums": {**MACHINE, "sampler": "exact"},
            "chains": {**MACHINE, "sampler": "pcd"},
        },
        "backends": {"exact": {"name": "exact", "betas": [1.0], "n_replicas": 4}},
    },
    "comparison": {"settings": {"permutations": 99}},
    "overlaps": {"settings": {"temperatures": [0.5, 1.0]}},
    "epochs": {"problems": {"twin": TWIN}, "sweep": {"problems.twin.epoch": [0, 2]}},
    "finite_size": {
        "problems": {
            "glass": {
                "kind": "edwards_anderson",
                "sizes": {"shape": [[2, 2, 2], [3, 3, 2]]},
                "couplings": "bimodal",
                "instances": 3,
            }
        }
    },
    "inspection": {
        "settings": {"temperature": 1.0, "initial": {"layer 0 - layer 1": 0.5}},
        "problems": {"twin": TWIN, "mixed": {**TWIN, "shuffle": True, "instances": 3}},
        "backends": {
            "tempering": {
                "name": "tempering",
                "betas": LADDER,
                "n_replicas": 6,
                "n_sweeps": 300,
                "n_draws": 50,
            }
        },
    },
    "measured": {"settings": {"measure": "energy_curve"}},
    "own_temperature": {
        "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 8}},
        "backends": {
            "exact": {"name": "exact", "betas": LADDER, "n_replicas": 40},
            "annealer": {**ANNEALER, "betas": [1.0, 2.0], "n_sweeps": 50},
        },
        "settings": {"permutations": 99},
    },
    "quench": {
        "settings": {"reference": "long"},
        "problems": {
            "glass": {"kind": "biclique", "m": None, "sizes": {"n": [3, 4]}, "instances": 2},
            "ring": {"kind": "lattice_ferromagnet", "shape": [8]},
        },
        "backends": {
            "long": {**ANNEALER, "n_sweeps": 100},
            "swept": {**ANNEALER, "lengths": {"n_sweeps": [2, 8, 32, 128]}},
        },
    },
    "time_to_solution": {
        "problems": {
            "glass": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [6, 8]}, "instances": 2}
        },
        "backends": {"tempering": {**FEW_SHOTS, "lengths": {"n_sweeps": [1, 4]}}},
    },
    "training": {
        "problems": {"twin": TWIN},
        "backends": {"tempering": {**FEW_SHOTS, "n_sweeps": 10}},
    },
}


class Contract(StudyContract):
    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory):
        """Its figures are sketches: the contract draws every one anew."""
        with sketching():
            return run_experiment(cls().config(), RunFolder(tmp_path_factory.mktemp("study") / "run"))


for name in registry.names(registry.STUDY):
    globals()[f"Test_{name}"] = type(f"Test_{name}", (Contract,), {"study": name, **ASKED.get(name, {})})


def test_studies_and_measures_have_names_of_their_own():
    both = set(registry.names(registry.STUDY)) & set(registry.names(registry.MEASURE))
    assert not both, "a config could not tell them apart"


def test_standard_studies_that_have_nothing_to_say_are_left_out():
    """Where they are not asked for by name, that is no fault."""
    config = config_from_plain(
        {
            "schema": 2,
            "name": "x",
            "problems": {"a": {"kind": "mattis", "n_spins": 4}},
            "backends": {"exact": {"name": "exact", "betas": [1.0], "n_replicas": 4}},
        }
    )
    assert {"overlaps", "equilibrium"} <= set(config.plans)
    assert not {"comparison", "finite_size", "training"} & set(config.plans)
