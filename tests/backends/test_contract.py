"""One contract over every registered backend, and dimod's own suite over `as_dimod` of each."""

from __future__ import annotations

import unittest

import dimod
import dimod.testing
import pytest
from dimod.testing import load_sampler_bqm_tests
from dwave.preprocessing import SpinReversalTransformComposite

import qspin
from qspin.errors import InputError
from qspin.testing import SamplerContract, small_problems

FAST = {
    "exact": {"n_replicas": 20},
    "tempering": {"n_replicas": 3, "n_burn_in": 10, "n_sweeps": 40, "n_draws": 10},
    "annealer": {"n_reads": 12, "n_gauges": 3, "n_sweeps": 20},
    "qaoa": {"n_shots": 50},
    "ocean": {"n_reads": 20, "parameters": {"num_sweeps": 20}},
}
LOGICAL = {**FAST["annealer"], "topology": "none", "betas": [0.5, 1.0]}

TRAINED = {**FAST["qaoa"], "depth": 2, "angles": "optimise", "warm_start": "greedy"}
QUENCH = {**FAST["qaoa"], "ansatz": "quench", "depth": 5}
NOISY = {**FAST["qaoa"], "noise": {"rzz": 0.01, "readout": 0.02}, "method": "statevector"}
CHAIN = [(k, k + 1) for k in range(17)]
MANY = {**FAST["qaoa"], "depths": [1, 2], "coupling_map": CHAIN, "n_copies": "auto"}


def sampler_of(name, settings=None):
    return qspin.as_dimod(qspin.get_backend(name, **(settings or FAST[name])))


class TestExact(SamplerContract):
    backend = "exact"
    settings = FAST["exact"]
    thermal = True
    thermal_settings = {"betas": [0.3, 1.0], "n_replicas": 2_000}


class TestTempering(SamplerContract):
    backend = "tempering"
    settings = FAST["tempering"]
    thermal = True
    thermal_settings = {
        "betas": [0.3, 1.0],
        "n_replicas": 40,
        "n_burn_in": 100,
        "n_sweeps": 1_000,
        "n_draws": 200,
    }


class TestAnnealer(SamplerContract):
    backend = "annealer"
    settings = FAST["annealer"]


class TestAnnealerWithoutEmbedding(SamplerContract):
    backend = "annealer"
    settings = LOGICAL


class TestQaoa(SamplerContract):
    backend = "qaoa"
    settings = FAST["qaoa"]


class TestQaoaTrained(SamplerContract):
    backend = "qaoa"
    settings = TRAINED


class TestQuench(SamplerContract):
    backend = "qaoa"
    settings = QUENCH


class TestQaoaWithNoise(SamplerContract):
    backend = "qaoa"
    settings = NOISY


class TestQaoaOfDepthsAndCopies(SamplerContract):
    backend = "qaoa"
    settings = MANY


class TestOcean(SamplerContract):
    backend = "ocean"
    settings = FAST["ocean"]


class TestGiven(SamplerContract):
    """Files of exact samples, one a problem: the seed decides nothing."""

    backend = "samples"
    seeded = False
    thermal = True

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def sampler(self, **changes):
        return self.made(small_problems()["dense"], **changes)

    def samples(self, problem, *, seed=None, **changes):
        return self.made(problem, **changes).sample(problem, seed=seed)

    def made(self, problem, **changes):
        file = self.folder / f"{problem.digest}.nc"
        sampler = qspin.get_backend("exact", betas=[0.3, 1.0], n_replicas=2_000)
        sampler.sample(problem, seed=9).save(file)
        return qspin.get_backend("samples", path=file, **changes)


def test_every_registered_backend_runs_the_contract():
    tested = {case.backend for case in SamplerContract.__subclasses__()}
    assert set(qspin.available_backends()) <= tested


def dimod_suite(name, settings=None):
    @load_sampler_bqm_tests(lambda: sampler_of(name, settings))
    class Suite(unittest.TestCase):
        pass

    Suite.__name__ = Suite.__qualname__ = f"TestDimod{name.capitalize()}"
    return Suite


TestDimodExact = dimod_suite("exact")
TestDimodTempering = dimod_suite("tempering")
TestDimodAnnealer = dimod_suite("annealer")
TestDimodAnnealerWithoutEmbedding = dimod_suite("annealer", LOGICAL)
TestDimodQaoa = dimod_suite("qaoa")
TestDimodQaoaTrained = dimod_suite("qaoa", TRAINED)
TestDimodOcean = dimod_suite("ocean")


@pytest.mark.parametrize("name", FAST)
class TestAsDimod:
    def test_api(self, name):
        dimod.testing.assert_sampler_api(sampler_of(name))

    @pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
    def test_energies_and_vartype(self, name, vartype):
        bqm = dimod.generators.gnp_random_bqm(7, 0.6, vartype, random_state=3)
        answer = sampler_of(name).sample(bqm, seed=1)
        assert answer.vartype is bqm.vartype
        dimod.testing.assert_sampleset_energies(answer, bqm)

    @pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
    def test_initial_states_are_taken_where_a_sampler_starts(self, name, vartype):
        bqm = dimod.generators.gnp_random_bqm(7, 0.6, vartype, random_state=3)
        sampler = sampler_of(name)
        state = dict.fromkeys(bqm.variables, 1)
        if "initial_states" not in sampler.parameters:
            with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning):
                sampler.sample(bqm, seed=1, initial_states=state)
            return
        if name == "annealer":
            sampler = qspin.as_dimod(
                qspin.get_backend(name, **LOGICAL, anneal_schedule=[[0, 1], [1, 0.5], [2, 1]])
            )
        answers = [
            sampler.sample(bqm, seed=1, initial_states=given)
            for given in (state, dimod.SampleSet.from_samples(state, bqm.vartype, 0.0))
        ]
        assert answers[0].info["initial"] == answers[1].info["initial"] is not None
        with pytest.raises(InputError, match="initial_states"):
            sampler.sample(bqm, seed=1, initial_states={0: 1})

    def test_composites_work_on_it(self, name):
        sampler = SpinReversalTransformComposite(sampler_of(name))
        bqm = dimod.BinaryQuadraticModel({"a": 0.1}, {("a", "b"): -1}, 0.0, "SPIN")
        dimod.testing.assert_sampleset_energies(sampler.sample(bqm), bqm)

    def test_unknown_parameters_warn_as_dimod_does(self, name):
        with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning):
            sampler_of(name).sample_ising({"a": 1.0}, {}, num_reads=3)
