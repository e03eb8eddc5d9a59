"""The contract of a sampler, for backends of qspin and of third parties.

A third-party package tests its backend with::

    from qspin.testing import SamplerContract

    class TestMyBackend(SamplerContract):
        backend = "mybackend"
        settings = {"n_replicas": 20}
"""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from typing import Any, ClassVar

import numpy as np

from qspin.errors import InputError
from qspin.measure import offered_by
from qspin.problem import IsingProblem
from qspin.registry import get_backend
from qspin.sampler import (
    OFFERS,
    Sampler,
    finds_settings,
    offers,
    samples_version,
    shared_settings,
    takes_initial,
    workload_of,
)
from qspin.samples import DIMS, SampleSet
from qspin.sampling import check_samples
from qspin.settings import setting_names
from qspin.testing.statistics import assert_boltzmann, assert_frozen, assert_refused, small_problems

__all__ = ["SamplerContract"]


class SamplerContract:
    """What every backend promises. Subclass it in a test module and name the backend.

    Attributes
    ----------
    backend : registered name
    settings : settings that make one call fast
    repeatable : whether the same seed gives the same samples
    seeded : whether another seed gives other samples
    thermal : whether samples follow the Boltzmann distribution at their beta; then `thermal_settings` must
        give enough of them
    """

    backend: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}
    repeatable: ClassVar[bool] = True
    seeded: ClassVar[bool] = True
    thermal: ClassVar[bool] = False
    thermal_settings: ClassVar[dict[str, Any]] = {}

    def sampler(self, **changes: Any) -> Sampler:
        return get_backend(self.backend, **{**self.settings, **changes})

    def samples(self, problem: IsingProblem, *, seed: Any = None, **changes: Any) -> SampleSet:
        """Of the sampler; a backend whose settings belong to a problem makes them here."""
        return self.sampler(**changes).sample(problem, seed=seed)

    def test_it_is_a_sampler(self) -> None:
        assert isinstance(self.sampler(), Sampler)

    def test_corners_are_sampled(self) -> None:
        for name, problem in small_problems().items():
            samples = self.samples(problem, seed=1)
            check_samples(samples, problem)
            assert samples.spins.dims == DIMS, name
            assert samples.spins.dtype == np.int8, name
            assert samples.energies.dtype == np.float64, name
            assert samples.energies.size > 0, name
            assert samples.n_spins == problem.n_spins, name
            assert list(samples.labels) == list(problem.labels), name
            assert (np.abs(samples.spins.values) == 1).all(), name
            np.testing.assert_allclose(
                samples.energies.values, problem.energies(samples.spins.values), rtol=1e-12
            )

    def test_the_problem_is_left_alone(self) -> None:
        problem = small_problems()["dense"]
        before = problem.digest, problem.toarray(), problem.fields.copy()
        self.samples(problem, seed=1)
        after = IsingProblem(problem.couplings, problem.fields, problem.offset, problem.labels)
        assert after.digest == before[0]
        np.testing.assert_array_equal(problem.toarray(), before[1])
        np.testing.assert_array_equal(problem.fields, before[2])

    def test_same_seed_same_samples(self) -> None:
        if not self.repeatable:
            return
        problem = small_problems()["dense"]
        first, again = (self.samples(problem, seed=11).spins.values for _ in range(2))
        np.testing.assert_array_equal(first, again)

    def test_other_seed_other_samples(self) -> None:
        if not self.seeded:
            return
        problem = small_problems()["free spins"]
        first, other = (self.samples(problem, seed=seed).spins.values for seed in (11, 12))
        assert not np.array_equal(first, other)

    def test_replicas_are_independent_copies(self) -> None:
        spins = self.samples(small_problems()["free spins"], seed=3).spins.values
        distinct = np.unique(spins[0, :, 0], axis=0)
        assert len(distinct) > 1, "replicas repeat one another"

    def test_no_seed_is_recorded_as_one(self) -> None:
        samples = self.samples(small_problems()["one spin"])
        assert isinstance(samples.info["seed"], int)

    def test_a_wrong_seed_is_refused(self) -> None:
        for seed in (-1, 1.5, "a"):
            assert_refused(lambda s=seed: self.samples(small_problems()["one spin"], seed=s), "seed")

    def test_configurations_to_start_from_are_taken_or_refused(self) -> None:
        if not takes_initial(self.sampler()):
            return
        problem = small_problems()["dense"]
        sampler: Any = self.sampler()
        for wrong in ([1, -1], [0] * problem.n_spins, {"no such spin": 1}):
            assert_refused(lambda w=wrong: sampler.sample(problem, seed=1, initial=w), "initial")
        samples = None
        with contextlib.suppress(InputError):  # with these settings
            samples = sampler.sample(problem, seed=1, initial=[1] * problem.n_spins)
        if samples is None:
            assert_refused(lambda: sampler.sample(problem, seed=1, initial=[1] * problem.n_spins), "initial")
        else:
            assert samples.info["initial"] is not None
            check_samples(samples, problem)

    def test_whether_reads_are_paid_is_said_with_yes_or_no(self) -> None:
        assert isinstance(getattr(self.sampler(), "is_paid", True), bool)

    def test_what_is_offered_is_there(self) -> None:
        declared = offers(self.sampler())
        if declared is None:
            return
        problem = small_problems()["dense"]
        found = offered_by(self.samples(problem, seed=1), problem) & set(OFFERS)
        assert declared == found, f"declared {sorted(declared)}, the samples have {sorted(found)}"

    def test_what_a_call_takes_is_told_without_a_sample(self, monkeypatch: Any) -> None:
        def refuse(*_: Any, **__: Any) -> Any:
            raise AssertionError("a workload is told without a sample")

        monkeypatch.setattr(type(self.sampler()), "sample", refuse)
        for name, problem in self.workload_problems().items():
            told = workload_of(self.sampler(), problem)
            if told is None:
                return
            assert told == workload_of(self.sampler(), problem), name
            assert pickle.loads(pickle.dumps(told)) == told
            if problem.n_spins:
                assert told.work > 0, name
                assert told.memory > 0, name

    def workload_problems(self) -> dict[str, IsingProblem]:
        """Problems that the sampler of this contract can sample as it is."""
        return dict(small_problems())

    def test_the_version_of_samples_is_a_number(self) -> None:
        assert samples_version(self.sampler()) >= 1

    def test_shared_settings_are_taken_by_the_sampler(self) -> None:
        problems = [small_problems()[name] for name in ("dense", "labelled chain")]
        found = shared_settings(self.sampler(), problems, seed=1)
        assert found == shared_settings(self.sampler(), problems, seed=1)
        assert json.loads(json.dumps(found)) == found
        assert not finds_settings(self.sampler(**found)), "what is shared leaves nothing to be found"

    def test_info_tells_in_a_line_how_it_was_sampled_and_what_was_ignored(self) -> None:
        info = self.samples(small_problems()["dense"], seed=1).info
        assert isinstance(info["headline"], str)
        assert "\n" not in info["headline"]
        assert set(info["ignored"]) <= set(setting_names(type(self.sampler())))

    def test_an_unknown_setting_is_refused_by_name(self) -> None:
        assert_refused(lambda: get_backend(self.backend, no_such_setting=1), "no_such_setting")

    def test_settings_are_frozen(self) -> None:
        sampler = self.sampler()
        assert_frozen(sampler)

    def test_a_sampler_can_be_copied_and_pickled(self) -> None:
        sampler = self.sampler()
        for twin in (copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
            assert twin == sampler

    def test_info_tells_where_samples_come_from(self) -> None:
        problem = small_problems()["dense"]
        info = self.samples(problem, seed=5).info
        told = {"backend", "settings", "seed", "problem", "versions", "clocks", "status"}
        assert told | {"remarks", "headline", "ignored"} <= set(info)
        assert (info["seed"], info["problem"], info["status"]) == (5, problem.digest, "complete")
        assert json.loads(json.dumps(info)) == info

    def test_betas_ascend_or_are_unknown(self) -> None:
        betas = self.samples(small_problems()["dense"], seed=1).betas
        assert np.isnan(betas).all() or (np.diff(betas) > 0).all()

    def test_best_is_a_copy(self) -> None:
        samples = self.samples(small_problems()["dense"], seed=1)
        best = samples.best
        assert best.energy == samples.energies.values.min()
        best.spins[:] = 0
        assert (np.abs(samples.spins.values) == 1).all()

    def test_files_and_dimod_bring_back_the_same(self, tmp_path: Any) -> None:
        for k, problem in enumerate(small_problems().values()):
            samples = self.samples(problem, seed=1)
            samples.save(tmp_path / f"{k}.nc")
            _assert_same(SampleSet.load(tmp_path / f"{k}.nc"), samples)
            _assert_same(SampleSet.from_dimod(samples.to_dimod(), problem, samples.info), samples)

    def test_the_distribution_is_boltzmann(self) -> None:
        if not self.thermal:
            return
        for seed, (name, problem) in enumerate(small_problems().items()):
            samples = self.samples(problem, seed=seed, **self.thermal_settings)
            assert not np.isnan(samples.betas).any(), name
            if problem.n_spins:
                assert_boltzmann(samples, problem)


def _assert_same(one: SampleSet, other: SampleSet) -> None:
    np.testing.assert_array_equal(one.spins.values, other.spins.values)
    np.testing.assert_array_equal(one.energies.values, other.energies.values)
    np.testing.assert_array_equal(one.betas, other.betas)
    assert list(one.labels) == list(other.labels)
    assert one.info == other.info
