"""Any dimod sampler by its import path."""

from __future__ import annotations

import enum
import json
import os
import re
import sys

import dimod
import numpy as np
import pytest

import qspin
from qspin.errors import InputError, MissingExtraError, RunError, install_command
from qspin.remarks import Remark


class Counting(dimod.Sampler):
    """A sampler without num_reads or seed; every spin up, as often as it was told."""

    properties = {}
    parameters = {"extra": []}

    def __init__(self, n=1):
        self.n = n

    def sample(self, bqm, extra=None):
        return dimod.SampleSet.from_samples_bqm([dict.fromkeys(bqm.variables, 1)] * self.n, bqm)


COUNTING = f"{__name__}:Counting"


class Recording(Counting):
    """Says what it was given, and goes wrong afterwards if it is told to."""

    parameters = {"num_reads": [], "extra": []}
    calls: list = []

    def sample(self, bqm, num_reads=1, extra=None):
        self.calls.append(extra)
        variables = ["stranger", *list(bqm.variables)[1:]] if extra == "strangers" else list(bqm.variables)
        if extra == "list":
            return []
        return dimod.SampleSet.from_samples(
            [dict.fromkeys(variables, 1)] * num_reads, "SPIN", [0] * num_reads
        )


class Colour(enum.Enum):
    RED = 3


RECORDING = f"{__name__}:Recording"


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
    assert samples.remarks == [
        Remark("takes-no-seed", f"{COUNTING} takes no seed: its reads cannot be repeated"),
        Remark("other-number-of-reads", f"3 reads were asked for and {COUNTING} returned 2"),
    ]


def test_a_seed_in_the_parameters_is_kept_and_warned_about(glass):
    sampler = ocean("SimulatedAnnealingSampler", n_reads=5, parameters={"seed": 7})
    first, second = sampler.sample(glass, seed=1), sampler.sample(glass, seed=2)
    np.testing.assert_array_equal(first.spins.values, second.spins.values)
    assert [remark.code for remark in first.remarks] == ["fixed-seed"]
    assert "parameters fix the seed" in first.remarks[0].text


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
        (
            {"sampler": "collections:OrderedDict"},
            "is the class OrderedDict, not a class derived from dimod.Sampler",
        ),
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


class TestWhatIsPaidFor:
    """All that can be refused is refused before the sampler is called; what it returned is kept."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("QSPIN_DATA_DIR", str(tmp_path / "data"))
        Recording.calls.clear()

    @pytest.mark.parametrize(
        ("given", "taken"),
        [
            (np.float64(0.5), 0.5),
            (np.int8(3), 3),
            (np.array([[1, 2]]), [[1, 2]]),
            (Colour.RED, 3),
            ((1, (2.5,)), [1, [2.5]]),
            ({"a": np.arange(2)}, {"a": [0, 1]}),
        ],
    )
    def test_numpy_and_enums_become_plain_values(self, glass, tmp_path, given, taken):
        sampler = qspin.get_backend("ocean", sampler=RECORDING, n_reads=2, parameters={"extra": given})
        sampler.sample(glass, seed=1).save(tmp_path / "a.nc")
        assert Recording.calls == [taken]
        assert qspin.SampleSet.load(tmp_path / "a.nc").info["settings"]["parameters"] == {"extra": taken}

    @pytest.mark.parametrize(
        "value", [print, {1, 2}, object(), 1j, dimod.SampleSet.from_samples([[1]], "SPIN", 0), Counting]
    )
    def test_what_no_record_can_hold_is_refused_at_construction(self, value):
        for where in ("parameters", "constructor"):
            with pytest.raises(InputError, match=f"{where}: what is set of extra .* made of numbers, text"):
                qspin.get_backend("ocean", sampler=RECORDING, **{where: {"extra": value}})
        assert not Recording.calls

    def test_reads_that_cannot_be_used_are_kept_and_named(self, glass, tmp_path):
        sampler = qspin.get_backend("ocean", sampler=RECORDING, n_reads=2, parameters={"extra": "strangers"})
        with pytest.raises(RunError, match="names other variables.*the reads that came are kept in") as error:
            sampler.sample(glass, seed=1)
        (file,) = (tmp_path / "data" / "ocean").iterdir()
        assert str(file) in str(error.value)
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        kept = json.loads(file.read_text())
        reads = dimod.SampleSet.from_serializable(kept["answer"])
        assert (reads.record.sample == 1).all()
        assert reads.record.sample.shape == (2, 10)
        assert kept["variables"][0] == "'stranger'"
        assert kept["problem"] == glass.digest

    def test_an_interrupt_after_the_call_keeps_them_too(self, glass, tmp_path, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(qspin.SampleSet, "from_dimod", interrupted)
        with pytest.raises(KeyboardInterrupt, match="the reads that came are kept in"):
            qspin.get_backend("ocean", sampler=RECORDING).sample(glass, seed=1)
        assert len(list((tmp_path / "data" / "ocean").iterdir())) == 1

    def test_something_else_than_samples(self, glass):
        with pytest.raises(RunError, match=r"returned a list; a dimod sampler returns a dimod\.SampleSet"):
            qspin.get_backend("ocean", sampler=RECORDING, parameters={"extra": "list"}).sample(glass)


class TestSecrets:
    @pytest.mark.parametrize("where", ["parameters", "constructor"])
    @pytest.mark.parametrize(
        "secret",
        [
            {"token": "DEV-abc"},
            {"api_key": "abc"},
            {"defaults": {"password": "abc"}},
            {"headers": [{"Authorization": "Bearer abc"}]},
        ],
    )
    def test_they_are_refused_and_not_repeated(self, where, secret):
        with pytest.raises(InputError, match=f"{where}.*holds a secret.*set it in the environment") as error:
            qspin.get_backend("ocean", sampler=COUNTING, **{where: secret})
        assert "abc" not in str(error.value)

    def test_a_token_of_this_environment_under_any_name(self, monkeypatch):
        monkeypatch.setenv("DWAVE_API_TOKEN", "DEV-0123")
        with pytest.raises(InputError, match="constructor.profile holds a secret"):
            qspin.get_backend("ocean", sampler=COUNTING, constructor={"profile": "DEV-0123"})

    def test_numbers_and_labels_are_none(self):
        qspin.get_backend("annealer", initial_state={"token": 1, "b": -1}, anneal_schedule=[[0, 1], [1, 1]])
        qspin.get_backend("ocean", sampler=COUNTING, parameters={"extra": {"max_tokens": 3, "token": 1}})

    def test_white_space_around_a_token_is_stripped_before_the_sampler_is_made(self, glass, monkeypatch):
        monkeypatch.setenv("DWAVE_API_TOKEN", " DEV-0123\n")
        qspin.get_backend("ocean", sampler=COUNTING).check(glass)
        assert os.environ["DWAVE_API_TOKEN"] == "DEV-0123"


class TestInitial:
    """Samplers of dwave-samplers that start from configurations, and those that do not."""

    GROUND = (1, 1, 1, 1, -1, -1, -1, -1)

    def problem(self):
        """Two ferromagnetic cliques, opposed to each other."""
        side = np.array(self.GROUND)
        return qspin.IsingProblem(-np.outer(side, side) + np.eye(8))

    @pytest.mark.parametrize(
        ("sampler", "parameters"),
        [
            ("SimulatedAnnealingSampler", {"beta_range": [1e3, 1e4], "num_sweeps": 3}),
            ("SteepestDescentSampler", {}),
            ("TabuSampler", {"timeout": 1}),
        ],
    )
    def test_a_ground_state_stays(self, sampler, parameters):
        samples = ocean(sampler, n_reads=6, parameters=parameters).sample(
            self.problem(), seed=1, initial=self.GROUND
        )
        assert (samples.spins.values == self.GROUND).all()
        assert len(samples.info["initial"]) == 64

    def test_every_read_has_its_own(self):
        """A descent from a local minimum stays there."""
        problem = qspin.IsingProblem(np.zeros((8, 8)))
        initial = np.random.default_rng(1).choice([-1, 1], (6, 8))
        samples = ocean("SteepestDescentSampler", n_reads=6).sample(problem, seed=1, initial=initial)
        np.testing.assert_array_equal(samples.spins.values[0, :, 0], initial)
        labelled = qspin.IsingProblem(np.zeros((8, 8)), labels="abcdefgh")
        by_label = {name: int(spin) for name, spin in zip("abcdefgh", initial[0], strict=True)}
        samples = ocean("SteepestDescentSampler", n_reads=2).sample(labelled, seed=1, initial=by_label)
        assert (samples.spins.values == initial[0]).all()

    def test_none_is_none(self):
        assert (
            ocean("SteepestDescentSampler", n_reads=2).sample(self.problem(), seed=1).info["initial"] is None
        )

    @pytest.mark.parametrize(
        ("sampler", "settings", "initial", "message"),
        [
            (
                "TreeDecompositionSolver",
                {},
                GROUND,
                "'ocean' takes no initial: dwave.samplers:TreeDecompositionSolver has no parameter",
            ),
            ("SteepestDescentSampler", {}, GROUND[1:], r"initial: spins must have shape \(..., 8\)"),
            ("SteepestDescentSampler", {}, [GROUND] * 3, r"or shape \(4, 8\) for every replica"),
            (
                "SteepestDescentSampler",
                {"parameters": {"initial_states": [1]}},
                GROUND,
                "initial and initial_states in parameters are both given",
            ),
        ],
    )
    def test_what_cannot_start(self, sampler, settings, initial, message):
        with pytest.raises(InputError, match=message):
            ocean(sampler, n_reads=4, **settings).sample(self.problem(), seed=1, initial=initial)
