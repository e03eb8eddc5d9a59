"""The study of quenches: whose time is whose, who follows the exact state, exponents, kinks."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import xarray as xr
import yaml
from conftest import ROOT
from made_results import DEVICE, MadeResults, asked
from ran import ran, table, texts

from qspin import IsingProblem, SampleSet, instances
from qspin.errors import InputError
from qspin.plot.canvas import draw
from qspin.registry import get_measure, get_source, get_study
from qspin.remarks import Level, Remark, stored
from qspin.sampler import settings
from qspin.schedules import schedule_of
from qspin.spectrum import enumerate_problem
from qspin.studies.quench.kinks import ring_coupling
from qspin.studies.quench.states import clock_of, states_of
from qspin.study import Axis, BackendLine, Tone

GLASS = instances.edwards_anderson((3, 3), seed=4)
SPECTRUM = enumerate_problem(GLASS)
PAIRS = np.triu_indices(GLASS.n_spins, 1)
TIMES = (0.002, 0.005, 0.02)  # microseconds
BETAS = (0.4, 0.7, 1.1)  # whose Boltzmann distributions stand for the states after these times


def exact(beta):
    """c_ij of all pairs by enumeration."""
    n = GLASS.n_spins
    spins = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    weights = np.exp(-beta * (GLASS.energies(spins) - SPECTRUM.ground_energy))
    return ((spins * (weights / weights.sum())[:, None]).T @ spins)[PAIRS]


def read(beta, seed, n_reads=400, is_exact=False):
    """(correlations, overlaps) of reads."""
    spins = SPECTRUM.sample(beta, n_reads, np.random.default_rng(seed))
    samples = SampleSet.from_spins(GLASS, spins[None, :, None], [np.nan], {"problem": GLASS.digest})
    found = get_measure("pair_correlations", n_blocks=20).measure(samples, GLASS)
    if is_exact:
        found = found.assign(exact=(("beta", "pair"), exact(beta)[None]))
    return found, get_measure("overlap_curve").measure(samples, GLASS)


def results(rivals, **lines):
    """Of an exact reference at all times, and of rivals, label -> (axis, results of its points)."""
    glass = get_source("edwards_anderson", shape=[3, 3], seed=4)
    axes = {"state": [Axis("annealing_time", TIMES)]} | {k: [axis] for k, (axis, _) in rivals.items()}
    given = {"state": [read(beta, k, is_exact=True) for k, beta in enumerate(BETAS)]}
    given |= {label: own for label, (_, own) in rivals.items()}
    found = {
        (name, "glass", label): [point[k] for point in own]
        for label, own in given.items()
        for k, name in enumerate(("pair_correlations", "overlap_curve"))
    }
    return MadeResults(asked({"glass": glass}, dict.fromkeys(given, DEVICE), axes), found)


@pytest.fixture(scope="module")
def rivals():
    return {
        "same": (Axis("annealing_time", TIMES), [read(beta, 20 + k) for k, beta in enumerate(BETAS)]),
        "hotter": (Axis("annealing_time", TIMES), [read(beta / 2, 30 + k) for k, beta in enumerate(BETAS)]),
        "sweeps": (Axis("n_sweeps", (8, 64)), [read(beta, 40 + k) for k, beta in enumerate((0.4, 1.1))]),
    }


@pytest.fixture(scope="module")
def concluded(rivals):
    return get_study("quench", tolerance=0.15).conclude(results(rivals))


class TestErrors:
    def rows(self, concluded, backend):
        return [row for row in table(concluded, "correlation_errors") if row["backend"] == backend]

    def test_they_are_those_of_the_distributions(self, concluded):
        for row, beta in zip(self.rows(concluded, "hotter"), BETAS, strict=True):
            true = ((exact(beta / 2) - exact(beta)) ** 2).sum() / (exact(beta) ** 2).sum()
            assert abs(row["squared"] - true) < 4 * row["squared_error"]
            assert row["p_value"] < 1e-3

    def test_times_are_nanoseconds(self, concluded):
        assert [row["time"] for row in self.rows(concluded, "same")] == [2.0, 5.0, 20.0]

    def test_a_dynamics_of_its_own_is_judged_by_the_best_of_its_settings(self, concluded):
        rows = self.rows(concluded, "sweeps")
        assert [(row["time"], row["length"]) for row in (rows[0], rows[-1])] == [(2.0, 8.0), (20.0, 64.0)]
        assert rows[0]["error_low"] == 0.0
        assert rows[1]["error_low"] > 0.1, "neither of its lengths looks like the state in between"

    def test_reads_of_the_state_itself_show_the_noise_of_reads(self, concluded):
        rows = self.rows(concluded, "state")
        assert all(row["error_low"] == 0 for row in rows)
        assert all(row["p_value"] > 1e-3 for row in rows)
        assert all(row["raw"] < 2 * row["null_high"] for row in rows)

    def test_words_and_verdicts(self, concluded):
        said = texts(concluded)
        (who,) = [text for text in said if text.startswith("glass: Within 15% of the exact state: ")]
        assert "same at every time; sweeps at 2, 20 ns" in who
        assert "Beyond 15% at every time: hotter." in who
        assert any(text.startswith("glass: ε of hotter is 0.") for text in said)
        assert any("Reads of the exact state itself are up to 0." in text for text in said)
        tones = {verdict.backend: verdict.tone for verdict in concluded.verdicts}
        assert tones == {"same": Tone.GOOD, "hotter": Tone.BAD, "sweeps": Tone.GOOD}
        assert all(" at 20 ns" in verdict.text for verdict in concluded.verdicts)
        answer = concluded.bottom_line["ensemble"].text
        assert "within 15% of the exact state: same on 1 of 1, hotter on 0 of 1, sweeps on 1 of 1" in answer

    def test_figures_can_be_drawn_and_all_settings_lie_in_a_file(self, concluded):
        (section,) = concluded.sections
        assert "correlation_error" in {figure.name for figure in section.figures}
        assert all(draw(figure).svg for figure in section.figures)
        every = concluded.datasets["errors"]
        assert every.sizes["row"] == 3 * 2 + 2 * 3 + 3

    def test_without_a_reference_it_says_so(self):
        lines = asked({"glass": None}, {"x": DEVICE}, {"x": [Axis("annealing_time", TIMES)]})
        found = {
            (name, "glass", "x"): [read(b, 1)[k] for b in BETAS]
            for k, name in enumerate(("pair_correlations", "overlap_curve"))
        }
        said = texts(get_study("quench").conclude(MadeResults(lines, found)))
        assert any("no reference is named: correlation errors cannot be told" in text for text in said)


class TestClocks:
    def line(self, *axes, sampler=DEVICE):
        return BackendLine("x", "x", sampler, axes)

    def test_the_time_of_a_quench_comes_first(self):
        axes = Axis("n_sweeps", (1, 2)), Axis("annealing_time", (0.1, 0.2))
        assert clock_of(self.line(*axes), "annealing_time") == ("annealing_time", True)

    def test_a_setting_is_a_time_too(self):
        @settings
        class Timed:
            annealing_time: float = 0.004

            def sample(self, problem, *, seed=None):
                raise NotImplementedError

        line = self.line(sampler=Timed())
        assert clock_of(line, "annealing_time") == ("annealing_time", True)
        lines = asked({"glass": None}, {"x": Timed()})
        found = MadeResults(lines, {("pair_correlations", "glass", "x"): read(0.5, 1)[0]})
        (state,) = states_of(found, "annealing_time")
        assert (state.time, state.is_time, state.settings) == (4.0, True, {})

    def test_else_the_first_axis_of_numbers(self):
        axes = Axis("kernel", ("a", "b")), Axis("n_sweeps", (1, 2))
        assert clock_of(self.line(*axes), "annealing_time") == ("n_sweeps", False)
        assert clock_of(self.line(), "annealing_time") == (None, False)


class TestRings:
    def test_frustration_strengths_and_shape_decide(self):
        ring = instances.lattice_ferromagnet((6,))
        assert ring_coupling(ring) == 1.0
        assert ring_coupling(ring.scaled(1.8)) == pytest.approx(1.8)
        signs = instances.edwards_anderson((6,), couplings="bimodal", seed=0).edges.couplings
        satisfiable = np.prod(-np.sign(signs)) > 0
        glass = instances.edwards_anderson((6,), couplings="bimodal", seed=0)
        assert (ring_coupling(glass) is not None) == satisfiable
        frustrated = IsingProblem.from_edges(3, [0, 1, 2], [1, 2, 0], [1.0, 1.0, 1.0])
        assert ring_coupling(frustrated) is None
        two = IsingProblem.from_edges(6, [0, 1, 2, 3, 4, 5], [1, 2, 0, 4, 5, 3], [-1.0] * 6)
        assert ring_coupling(two) is None
        assert ring_coupling(instances.lattice_ferromagnet((6,), periodic=False)) is None
        assert ring_coupling(instances.edwards_anderson((6,), seed=1)) is None
        with_field = IsingProblem(ring.couplings, [0.1] * 6)
        assert ring_coupling(with_field) is None


class TestKinks:
    """Made results of a ring, whose sampler follows a linear schedule in time."""

    def concluded(self, n, times, spins):
        @settings
        class Quenched:
            annealing_time: float = 0.004

            @property
            def followed_schedule(self):
                return schedule_of("linear", 3.0)

            def sample(self, problem, *, seed=None):
                raise NotImplementedError

        ring = get_source("lattice_ferromagnet", shape=[n])
        problem = instances.lattice_ferromagnet((n,))
        info = {"problem": problem.digest}
        found = [
            get_measure("pair_correlations", pairs="couplings").measure(
                SampleSet.from_spins(problem, own[None, :, None], [np.nan], info), problem
            )
            for own in spins
        ]
        lines = asked({"ring": ring}, {"x": Quenched()}, {"x": [Axis("annealing_time", times)]})
        made = MadeResults(lines, {("pair_correlations", "ring", "x"): found})
        return get_study("quench").conclude(made)

    def test_no_kink_in_many_reads_is_a_limit(self):
        aligned = np.ones((500, 12), dtype=np.int8)
        bent = aligned.copy()
        bent[:50, :6] = -1  # two kinks
        concluded = self.concluded(12, (0.004, 0.016), [bent, aligned])
        some, none = table(concluded, "kinks")
        assert some["kinks"] == pytest.approx(50 * 2 / 12 / 500)
        assert some["kinks_limit"] is None
        p = none["kinks_limit"] * 12 / 2  # of a read with two
        assert (1 - p) ** 500 == pytest.approx(0.05)
        (said,) = [text for text in texts(concluded) if text.startswith("ring: x leaves")]
        assert (
            "x leaves no kink in its reads, at most 0.001 a spin (95 %), after 16 ns; 0.0004 by free" in said
        )
        assert all(draw(figure).svg for figure in concluded.sections[0].figures)

    def test_kibble_and_zurek_speak_where_their_law_holds(self):
        """By free fermions: where it is told it is within 2 %, and on a ring of 12 it is told nowhere."""
        times = (0.001, 0.004, 0.016, 0.064, 0.256)
        rows = table(self.concluded(64, times, [np.ones((50, 64), dtype=np.int8)] * 5), "kinks")
        told = [row for row in rows if row.get("Kibble-Zurek") is not None]
        assert [row["time"] for row in told] == [4.0, 16.0]
        for row in told:
            assert row["Kibble-Zurek"] == pytest.approx(row["free fermions"], rel=0.02)
        few = table(self.concluded(12, times, [np.ones((50, 12), dtype=np.int8)] * 5), "kinks")
        assert all(row.get("Kibble-Zurek") is None for row in few)


class TestRecords:
    """What samplers say of quenches."""

    def concluded(self, remarks, info):
        attrs = {"remarks": stored(remarks), "info": json.dumps(info)}
        lines = asked({"glass": None}, {"x": DEVICE}, {"x": [Axis("annealing_time", TIMES)]})
        found = {
            (name, "glass", "x"): [read(b, 1, is_exact=True)[k] for b in BETAS]
            for k, name in enumerate(("pair_correlations", "overlap_curve"))
        }
        found["record", "glass", "x"] = [xr.Dataset(attrs=attrs)] * 3
        return get_study("quench").conclude(MadeResults(lines, found))

    def test_no_boltzmann_distribution_is_no_fault_of_a_quench(self):
        serious = Remark("not-boltzmann", "no Boltzmann distribution", Level.SERIOUS)
        other = Remark("late", "late", Level.SERIOUS)
        ((problem, backend, told),) = self.concluded([serious, other], {}).remarks
        assert (problem, backend, told.code, told.level) == ("glass", "x", "not-boltzmann", Level.NOTE)
        assert told.text.startswith("after 3 of 3 quenches")
        assert self.concluded([other], {}).remarks == []

    @pytest.mark.parametrize(
        ("angle", "said"),
        [
            (0.6, "x takes 60 steps a ns, of which one turns a spin by up to 0.6 rad."),
            (3.1, "x takes 60 steps a ns, of which one turns a spin by up to 3.1 rad: its errors are those"),
        ],
    )
    def test_steps_are_told(self, angle, said):
        found = self.concluded([], {"trotter": {"steps_per_ns": 60.0, "largest_angle": angle}})
        assert any(text.startswith(said) for text in texts(found))


class TestPlan:
    def test_correlations_and_overlaps_of_all_that_keep_configurations(self):
        plan = get_study("quench").plan(asked({"glass": None}, {"x": DEVICE, "y": DEVICE}))
        measures = ["pair_correlations", "overlap_curve", "overlap_distribution", "record"]
        assert [(w.measure, w.backend) for w in plan.wanted] == [(m, b) for b in "xy" for m in measures]
        assert plan.wanted[0].settings == {"pairs": "all"}

    def test_of_many_spins_only_coupled_pairs(self):
        ring = get_source("lattice_ferromagnet", shape=[65])
        plan = get_study("quench").plan(asked({"ring": ring}, {"x": DEVICE}))
        assert plan.wanted[0].settings == {"pairs": "couplings"}
        plan = get_study("quench", pairs="all").plan(asked({"ring": ring}, {"x": DEVICE}))
        assert plan.wanted[0].settings == {"pairs": "all"}

    def test_what_cannot_be_asked(self):
        @settings
        class Blind:
            offers: frozenset[str] = frozenset({"spins"})

            def sample(self, problem, *, seed=None):
                raise NotImplementedError

        with pytest.raises(InputError, match="compares correlations of independent reads, and x has no "):
            get_study("quench").plan(asked({"glass": None}, {"x": Blind()}))
        with pytest.raises(InputError, match="reference 'exat' is no backend of this config: did you mean"):
            get_study("quench", reference="exat").plan(asked({"glass": None}, {"exact": DEVICE}))
        with pytest.raises(InputError, match="tolerance"):
            get_study("quench", tolerance=-1)


def moments(size, time, mu, seed, height=1.0):
    """An overlap curve whose Binder ratio is a function of t L^-mu."""
    rng = np.random.default_rng(seed)
    binder = height / (1 + (time / size**mu) ** -0.8) + 0.01 * rng.normal()
    q2 = 0.2 * math.exp(0.05 * rng.normal())
    return xr.Dataset(
        {
            "q2": ("beta", [q2]), "q4": ("beta", [(3 - 2 * binder) * q2**2]),
            "binder": ("beta", [binder]), "binder_error": ("beta", [0.02]),
        },
        coords={"beta": [np.nan]}, attrs={"n_spins": size**2},
    )  # fmt: skip


SIDES = (4, 6, 8)
CLOCK = tuple(np.geomspace(2.0, 200.0, 7) / 1000)


class TestCollapse:
    @pytest.fixture(params=[1, 12], ids=["one instance", "12 instances"])
    def fallen(self, request):
        n = request.param
        shapes = Axis("shape", tuple([side, side] for side in SIDES))
        sizes = [shapes, Axis("instance", tuple(range(n)))]
        axes = {"glass": sizes, "x": [Axis("annealing_time", CLOCK)]}
        lines = asked({"glass": get_source("edwards_anderson", shape=[4, 4])}, {"x": DEVICE}, axes)
        found = [
            moments(side, 1000 * t, 2.0, 1000 * side + 50 * k + j)
            for side in SIDES
            for k in range(n)
            for j, t in enumerate(CLOCK)
        ]
        return get_study("quench").conclude(MadeResults(lines, {("overlap_curve", "glass", "x"): found}))

    def test_the_exponent_comes_back_with_its_error(self, fallen):
        (row,) = table(fallen, "collapses")
        assert abs(row["mu"] - 2.0) < 4 * row["mu_error"]
        assert row["mu_error"] < 0.3
        assert any("fall onto one curve over t L^−μ with μ = " in text for text in texts(fallen))
        (section,) = fallen.sections
        assert {"binder_in_time", "binder_collapse"} <= {figure.name for figure in section.figures}
        assert all(draw(figure).svg for figure in section.figures)

    def test_curves_that_are_not_one_are_said_to_be_none(self):
        axes = {"glass": [Axis("shape", ([4, 4], [6, 6]))], "x": [Axis("annealing_time", CLOCK)]}
        lines = asked({"glass": get_source("edwards_anderson", shape=[4, 4])}, {"x": DEVICE}, axes)
        found = [moments(side, 1000 * t, 1.0, 7, (side - 3) / 3) for side in (4, 6) for t in CLOCK]
        said = texts(
            get_study("quench").conclude(MadeResults(lines, {("overlap_curve", "glass", "x"): found}))
        )
        assert any("do not fall onto one curve over t L^−μ: the best exponent" in text for text in said)


class TestTheConfig:
    """The smallest form of configs/quench.yaml, really run."""

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, tmp_path_factory):
        data = yaml.safe_load((ROOT / "configs" / "quench.yaml").read_text(encoding="utf-8"))
        for line in data["backends"].values():
            line["n_reads" if line["name"] == "annealer" else "n_shots"] = 60
        data["problems"]["diamond"] |= {"shape": [1, 2, 1], "instances": 1}
        data["problems"]["ring"]["shape"] = [6]
        short = {"annealing_time": [0.0005, 0.002], "depth": [30, 120], "n_sweeps": [4, 16]}
        for axis in data["sweep"].values():
            axis |= {key: short[key.split(".")[-1]] for key in axis}
        del data["problems"]["biclique"], data["schema"], data["name"]
        conclusions, failed = ran(tmp_path_factory.mktemp("quench"), data)
        assert not failed
        return conclusions["quench"]

    def test_every_sampler_is_held_against_the_exact_state(self, run):
        rows = [row for row in table(run, "correlation_errors") if row["problem"] == "diamond"]
        backends = {"exact", "path_integral", "rotor", "thermal", "trotter", "trotter_mps"}
        assert {row["backend"] for row in rows} == backends
        assert {row["time"] for row in rows} == {0.5, 2.0}
        exact = [row for row in rows if row["backend"] == "exact"]
        assert all(row["error_low"] == 0 for row in exact)

    def test_gates_for_the_same_time_end_in_the_same_state(self, run):
        rows = [row for row in table(run, "correlation_errors") if row["backend"] == "trotter"]
        assert all(abs(row["squared"]) < 4 * row["squared_error"] + 0.01 for row in rows)

    def test_kinks_of_the_exact_state_are_those_of_free_fermions(self, run):
        rows = [row for row in table(run, "kinks") if row["backend"] == "exact"]
        assert len(rows) == 2
        for row in rows:
            assert row["exact"] == pytest.approx(row["free fermions"], abs=1e-5)
            assert abs(row["kinks"] - row["exact"]) < 4 * row["kinks_error"] + 1e-9
            assert "Kibble-Zurek" not in row, "a ring of 6 has no kinks enough for it"
        (section,) = run.sections
        names = {"correlation_error", "kinks", "overlap_density"}
        assert names <= {figure.name for figure in section.figures}
        assert all(draw(figure).svg for figure in section.figures)
