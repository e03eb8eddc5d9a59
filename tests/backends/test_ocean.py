"""Any dimod sampler by its import path."""

from __future__ import annotations

import re
import sys

import dimod
import numpy as np
import pytest

import qspin
from qspin.errors import InputError, MissingExtraError, install_command


class Counting(dimod.Sampler):
    """A sampler without num_reads or seed; every spin up, as often as it was told."""

    properties = {}
    parameters = {"extra": []}

    def __init__(self, n=1):
        self.n = n

    def sample(self, bqm, extra=None):
        return dimod.SampleSet.from_samples_bqm([dict.fromkeys(bqm.variables, 1)] * self.n, bqm)


COUNTING = f"{__name__}:Counting"


def ocean(sampler, **settings):
    return qspin.get_backend("ocean", sampler=f"dwave.samplers:{sampler}", **settings)


@pytest.mark.parametrize(
    ("sampler", "parameters"),
    [
        ("SimulatedAnnealingSampler", {"num_sweeps": 200}),
        ("TabuSampler", {"timeout": 20}),
        ("TreeDecompositionSolver", {}),
        ("PathIntegralAnnealingSampler", {"num_sweeps": 500}),
    ],
)
def test_samplers_of_dwave_find_the_ground_state(glass, sampler, parameters):
    samples = ocean(sampler, n_reads=10, parameters=parameters).sample(glass, seed=3)
    assert samples.spins.shape == (1, 10, 1, 10)
    exact = qspin.get_backend("exact").enumerate(glass).ground_energy
    assert samples.best.energy == pytest.approx(exact)
    assert np.isnan(samples.betas).all()


def test_order_of_spins_is_that_of_the_problem():
    problem = qspin.IsingProblem(np.zeros((3, 3)), [5, -5, 5], labels=["c", "a", "b"])
    samples = ocean("SimulatedAnnealingSampler", n_reads=4).sample(problem, seed=0)
    assert (samples.spins.values == [-1, 1, -1]).all()


def test_a_sampler_without_reads_or_seed_says_so(glass):
    samples = qspin.get_backend("ocean", sampler=COUNTING, n_reads=3, constructor={"n": 2}).sample(glass)
    assert samples.spins.sizes["replica"] == 2
    assert samples.info["warnings"] == [
        f"{COUNTING} takes no seed: its reads cannot be repeated",
        f"3 reads were asked for and {COUNTING} returned 2",
    ]


def test_a_seed_in_the_parameters_is_kept_and_warned_about(glass):
    sampler = ocean("SimulatedAnnealingSampler", n_reads=5, parameters={"seed": 7})
    first, second = sampler.sample(glass, seed=1), sampler.sample(glass, seed=2)
    np.testing.assert_array_equal(first.spins.values, second.spins.values)
    assert "parameters fix the seed" in first.info["warnings"][0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampler": "dwave.samplers"}, "expected an import path"),
        ({"sampler": "a b:C"}, "expected an import path"),
        ({"sampler": 3}, "should be a valid string"),
        ({"n_reads": 0}, "greater than 0"),
    ],
)
def test_settings_refused_at_once(settings, message):
    with pytest.raises(InputError, match=message):
        qspin.get_backend("ocean", **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampler": "dwave.samplers:SimulatedAnnealing"}, "did you mean 'SimulatedAnnealingSampler'"),
        ({"sampler": "no_such_package:Sampler"}, "cannot be imported: No module named 'no_such_package'"),
        ({"sampler": "collections:OrderedDict"}, "is a OrderedDict, not a dimod.Sampler"),
        ({"sampler": COUNTING, "constructor": {"m": 2}}, "cannot be constructed: .*'m'"),
        ({"parameters": {"num_sweep": 3}}, "takes no parameter 'num_sweep': did you mean 'num_sweeps'"),
    ],
)
@pytest.mark.parametrize("call", ["check", "sample"])
def test_refused_before_sampling(glass, settings, message, call):
    with pytest.raises(InputError, match=message):
        getattr(qspin.get_backend("ocean", **settings), call)(glass)


def test_a_missing_ocean_package_names_the_extra(glass, monkeypatch):
    monkeypatch.setitem(sys.modules, "dwave.system", None)
    with pytest.raises(MissingExtraError, match=re.escape(install_command("dwave"))):
        qspin.get_backend("ocean", sampler="dwave.system:LeapHybridSampler").sample(glass)
