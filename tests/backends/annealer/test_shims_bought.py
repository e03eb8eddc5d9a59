"""Calibrations through the whole pipeline: planted faults are shimmed away, every round is bought once."""

from __future__ import annotations

import numpy as np
import pytest
from qspin_backends.annealer.control import FLUX_A_FIELD, ControlErrors
from qspin_backends.common import purchase
from sapi import Fault, Sapi, environment, programmed, qpu, serving

import qspin
from qspin.errors import InputError, RunError
from qspin.testing import STANDARD_ERRORS

CHIP = ControlErrors(0.08, 0.03, noise_seed=3)
ROUNDS = 3


def ring(n_spins=8, coupling=-0.3, field=0.0):
    i = np.arange(n_spins)
    return qspin.IsingProblem.from_edges(
        n_spins, i, (i + 1) % n_spins, [coupling] * n_spins, [field] * n_spins
    )


def simulated(**settings):
    """A chip with faults, of which flux biases and symmetric couplers tell."""
    chip = {"h_noise": CHIP.h_noise, "j_noise": CHIP.j_noise, "noise_seed": CHIP.noise_seed}
    return qspin.get_backend(
        "annealer",
        **{"topology": "none", "physics": "thermal", "n_sweeps": 100, "temperature": 0.3, **chip, **settings},
    )


class TestSimulated:
    def test_planted_fields_are_shimmed_away(self):
        problem, settings = ring(), {"n_reads": 3_000, "n_gauges": 0}
        before = simulated(**settings).sample(problem, seed=1)
        after = simulated(**settings, n_shim=12, shim_reads=500).sample(problem, seed=1)
        rms = [np.sqrt(np.mean(_of_copies(samples) ** 2)) for samples in (before, after)]
        assert rms[0] > 0.2
        assert rms[1] < 0.3 * rms[0]
        shims = after.info["calibration"]["shims"]
        assert len(shims["magnetisation_std"]) == shims["n_rounds"] == 12
        assert shims["beta_from"] == ["reads"] * 12

    @pytest.mark.parametrize("field", [0.0, 0.1])
    def test_corrections_are_minus_what_was_planted(self, field):
        problem = ring(field=field)
        samples = simulated(n_reads=10, n_shim=24, shim_reads=1_000).sample(problem, seed=2)
        shims = samples.info["calibration"]["shims"]
        program = _free_program(problem)
        planted = CHIP.disturbed(program, np.random.default_rng(0))
        assert np.std(planted.fields + np.array(shims["fields"][0])) < 0.2 * CHIP.h_noise
        rest = planted.couplings + np.array(shims["couplings"][0])
        assert np.std(rest) < 0.5 * np.std(planted.couplings)
        assert (shims["n_orbits"], shims["n_compared_couplings"]) == (1, 8)

    def test_copies_are_compared_with_each_other(self):
        """A glass without any symmetry of its own has that of its copies."""
        glass = qspin.instances.sherrington_kirkpatrick(4, seed=1).scaled(0.5)
        settings = {"topology": "zephyr", "size": 2, "n_copies": 4, "n_reads": 4_000, "n_gauges": 0}
        before, after = (
            simulated(**settings, n_shim=rounds, shim_reads=500).sample(glass, seed=1) for rounds in (0, 12)
        )
        shims = after.info["calibration"]["shims"]
        assert (shims["n_orbits"], shims["n_compared_couplings"]) == (6, 24)
        rms = [np.sqrt(np.mean(_of_copies(samples) ** 2)) for samples in (before, after)]
        assert rms[1] < 0.3 * rms[0]

    def test_nothing_planted_nothing_lost(self):
        """Without faults shims stay within noise, and reads follow the same distribution."""
        plain = {"h_noise": 0.0, "j_noise": 0.0, "noise_seed": None, "n_reads": 4_000}
        problem = qspin.instances.sherrington_kirkpatrick(8, seed=3)
        before, after = (
            simulated(**plain, betas=[0.3], n_shim=rounds, shim_reads=400).sample(problem, seed=1)
            for rounds in (0, 8)
        )
        spread = np.hypot(*(s.energies.values.std() / np.sqrt(4_000) for s in (before, after)))
        assert abs(before.energies.values.mean() - after.energies.values.mean()) < STANDARD_ERRORS * spread
        assert np.abs(after.info["calibration"]["shims"]["fields"]).max() < 0.05

    def test_samples_without_shims_are_as_they_were(self):
        plain = simulated(n_reads=20)
        assert "shims" not in plain.sample(ring(), seed=1).info["calibration"]
        np.testing.assert_array_equal(
            plain.sample(ring(), seed=1).spins,
            simulated(n_reads=20, shim_reads=7).sample(ring(), seed=1).spins,
        )

    def test_readout_errors_are_taken_out_of_means(self):
        problem = qspin.instances.sherrington_kirkpatrick(8, seed=3)
        exact = qspin.get_backend("exact").enumerate(problem).mean_energy(1.0)
        deviations = []
        for seed in range(5):
            samples = qspin.get_backend(
                "annealer", topology="none", physics="thermal", n_sweeps=500, n_reads=2_000,
                readout_error=0.05, readout_mitigation=True, shim_reads=2_000,
            ).sample(problem, seed=seed)  # fmt: skip
            value = samples.dataset.energy_unfolded.values[0] - exact
            deviations.append(value / samples.dataset.energy_unfolded_error.values[0])
            as_read = samples.energies.values.mean() - exact
            assert as_read > 10 * samples.dataset.energy_unfolded_error.values[0]
        assert np.abs(deviations).max() < STANDARD_ERRORS
        told = samples.info["calibration"]["readout"]["placements"][0]
        for way in ("p_down_given_up", "p_up_given_down"):
            assert abs(told[way]["mean"] - 0.05) < STANDARD_ERRORS * told[way]["error"]
        assert "means-unfolded" in [remark.code for remark in samples.remarks]
        edges = samples.dataset.edge_ends.values
        np.testing.assert_array_equal(edges, np.stack([problem.edges.i, problem.edges.j], axis=1))

    @pytest.mark.parametrize(("rate", "others"), [(0.5, set()), (0.1, {"means-unfolded"})])
    def test_readings_that_carry_nothing_are_said_to(self, rate, others):
        samples = simulated(
            readout_error=rate, readout_mitigation=True, n_shim=0, n_reads=200, shim_reads=100
        ).sample(ring(), seed=1)
        known = np.isfinite(samples.dataset.magnetisation_unfolded.values)
        assert known.all() if others else not known.any()
        for name in ("magnetisation", "correlation", "energy"):
            value, error = (samples.dataset[f"{name}_unfolded{end}"].values for end in ("", "_error"))
            np.testing.assert_array_equal(np.isnan(value), np.isnan(error))
        told = {r.code: r for r in samples.remarks if r.code in ("means-unfolded", "readings-at-random")}
        assert set(told) == (others or {"readings-at-random"})
        if not others:
            assert "Raise shim_reads" in told["readings-at-random"].text
            assert told["readings-at-random"].level == "serious"

    def test_a_symmetry_that_is_too_large_to_search_is_said(self):
        big = ring(n_spins=120)
        remarks = simulated(n_reads=4, n_shim=1, shim_reads=10).sample(big, seed=1).remarks
        assert "couplers-not-compared" in [remark.code for remark in remarks]

    def test_corrections_keep_programs_in_range(self, monkeypatch):
        """With couplings at the edge of the range, which shrink to leave room."""
        from qspin_backends.annealer.simulated import Simulated

        seen, original = [], Simulated.anneal
        monkeypatch.setattr(
            Simulated, "anneal", lambda self, r: (seen.extend(r.programs), original(self, r))[1]
        )
        wild = {"j_noise": 0.3, "n_reads": 4, "n_shim": 6, "shim_reads": 50, "topology": "zephyr", "size": 2}
        samples = simulated(**wild).sample(ring(coupling=-1.0), seed=1)
        for program in seen:
            assert -2 <= program.couplings.min() <= program.couplings.max() <= 1
        assert "shims-bounded" in [remark.code for remark in samples.remarks]


def _free_program(problem):
    from qspin_backends.annealer.device import Program

    ends = np.stack([problem.edges.i, problem.edges.j], axis=1)
    n = problem.n_spins
    return Program(np.arange(n), np.zeros(n), ends, np.zeros(len(ends)), 1, {}, 0, {})


def _of_copies(samples):
    """Magnetisations of each copy by itself."""
    spins, copy = samples.spins.values[0, :, 0].astype(float), samples.dataset["copy"].values[0]
    return np.array([spins[copy == c].mean(axis=0) for c in np.unique(copy)])


@pytest.fixture
def cloud(monkeypatch, tmp_path):
    """A stand-in whose chip has faults."""
    monkeypatch.setattr(purchase, "UNLISTED_SECONDS", 0.3)
    with serving(Sapi(chip=CHIP, misread=(0.04, 0.02))) as sapi:
        for name, value in environment(sapi, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield sapi


def shimming(**settings):
    defaults = {"betas": [1.0], "n_gauges": 2, "n_shim": ROUNDS, "shim_reads": 20, "readout_mitigation": True}
    return qpu(**{**defaults, **settings})


CALLS = ROUNDS + 2 + 2  # of rounds, of the readout, of the anneals


class TestBought:
    def test_rounds_are_sent_one_after_the_other_with_what_was_learned(self, cloud):
        samples = shimming().sample(ring(), seed=1)
        assert cloud.bought == CALLS
        sent = [problem.job["params"].get("flux_biases") for problem in cloud.problems.values()]
        assert sent[0] is None
        assert [bool(biases) for biases in sent[1:]] == [True] * (ROUNDS - 1) + [False] * 2 + [True] * 2
        shims = samples.info["calibration"]["shims"]
        used = [qubit for chain in samples.info["pipeline"]["embedding"]["chains"] for qubit in chain]
        biases = np.array(sent[-1])
        assert len(biases) == cloud.solver()["properties"]["num_qubits"]
        assert set(np.flatnonzero(biases)) <= set(used)
        np.testing.assert_allclose(-biases.sum() / FLUX_A_FIELD, np.sum(shims["fields"]), atol=1e-9)
        names = [batch["calibration"] for batch in samples.info["calibration"]["batches"]]
        assert names == ["shim 1", "shim 2", "shim 3", "readout", "readout"]

    def test_the_price_is_known_before_rounds_included(self, cloud):
        told = shimming().workload(ring())
        assert cloud.bought == 0
        info = shimming().sample(ring(), seed=1).info
        assert told.paid_seconds == pytest.approx(info["expected_qpu_seconds"])
        assert told.paid_seconds > 2 * qpu(betas=[1.0]).workload(ring()).paid_seconds
        batches = [*info["calibration"]["batches"], *info["batches"]]
        assert info["clocks"]["device"] == pytest.approx(
            1e-6 * sum(batch["timing"]["qpu_access_time"] for batch in batches)
        )

    def test_a_budget_counts_the_rounds_and_what_is_left_of_them(self, cloud):
        price = shimming().workload(ring()).paid_seconds
        for call in ("check", "sample"):
            with pytest.raises(InputError, match="in 7 programmings.* are expected .* nothing was bought"):
                getattr(shimming(max_qpu_seconds=0.99 * price), call)(ring())
        assert cloud.bought == 0
        told = (
            r"^120 anneals in 7 programmings, of which 100 in 5 calibrate the device, are .* Lower n_reads, "
            "n_gauges, n_shim, shim_reads or the number of betas, leave readout_mitigation out, raise n_cop"
        )
        with pytest.raises(InputError, match=told):
            shimming(max_qpu_seconds=0.5 * price).check(ring())
        cloud.faults = [Fault("submit", 400, skip=4)]
        with pytest.raises(RunError):
            shimming(max_qpu_seconds=1.01 * price).sample(ring(), seed=1)
        shimming(max_qpu_seconds=0.5 * price).sample(ring(), seed=1)  # the rest of it
        assert cloud.bought == CALLS

    def test_the_same_request_is_not_bought_again(self, cloud):
        first, again = (shimming().sample(ring(), seed=1) for _ in range(2))
        assert cloud.bought == CALLS
        np.testing.assert_array_equal(first.spins, again.spins)
        assert all(batch["from_journal"] for batch in again.info["calibration"]["batches"])
        assert again.info["clocks"]["device"] == 0
        assert first.info["calibration"]["shims"] == again.info["calibration"]["shims"]

    @pytest.mark.parametrize("change", [{"n_shim": 4}, {"shim_reads": 21}])
    def test_another_calibration_is(self, cloud, change):
        shimming().sample(ring(), seed=1)
        shimming(**change).sample(ring(), seed=1)
        assert cloud.bought > CALLS

    @pytest.mark.parametrize(
        ("stage", "kind", "after"),
        [
            ("submit", "drop", True),
            ("submit", 503, True),
            ("poll", 500, False),
            ("answer", "truncated", False),
        ],
    )
    @pytest.mark.parametrize("skip", [1, 3])
    def test_faults_that_pass_change_nothing(self, cloud, tmp_path, stage, kind, after, skip):
        cloud.faults = [Fault(stage, kind, times=2, after=after, skip=skip)]
        disturbed = shimming().sample(ring(), seed=1)
        assert cloud.bought == CALLS
        assert cloud.faults[0].times == 0
        cloud.faults = []
        np.testing.assert_array_equal(shimming().sample(ring(), seed=1).spins, disturbed.spins)

    def test_a_device_without_flux_biases(self, cloud):
        known = cloud.solver()["properties"]["parameters"]
        cloud.properties["parameters"] = {k: v for k, v in known.items() if k != "flux_biases"}
        with pytest.raises(InputError, match="this device has no parameter 'flux_biases': leave n_shim out"):
            shimming().check(ring())

    def test_fast_anneals_are_shimmed_and_their_readout_is_slow(self, cloud):
        shimming(fast_anneal=True, annealing_time=0.01).sample(ring(), seed=1)
        fast = [problem.job["params"].get("fast_anneal", False) for problem in cloud.problems.values()]
        assert fast == [True] * ROUNDS + [False] * 2 + [True] * 2
        held = [programmed(problem.job, cloud.solver()["properties"]) for problem in cloud.problems.values()]
        assert {abs(h) for fields, _ in held[ROUNDS : ROUNDS + 2] for h in fields.values()} == {4.0}
        assert all(not any(couplings.values()) for _, couplings in held[ROUNDS : ROUNDS + 2])

    def test_wrong_readings_of_the_stand_in_are_found(self, cloud):
        cloud.properties["num_reads_range"] = [1, 1_000]
        info = shimming(n_shim=0, shim_reads=1_000).sample(ring(), seed=1).info
        told = info["calibration"]["readout"]["placements"][0]
        for way, rate in (("p_down_given_up", 0.04), ("p_up_given_down", 0.02)):
            assert abs(told[way]["mean"] - rate) < STANDARD_ERRORS * told[way]["error"]

    def test_a_cloud_that_warms_up_is_remarked_on(self, cloud):
        cloud.warming, cloud.misread = 0.05, (0.0, 0.0)
        cloud.properties["num_reads_range"] = [1, 1_000]
        plain = {"n_reads": 5_000, "n_gauges": 10, "n_shim": 0, "readout_mitigation": False}
        samples = shimming(**plain).sample(ring(coupling=-0.6), seed=1)
        assert "drift" in [remark.code for remark in samples.remarks]
        trends = samples.info["calibration"]["drift"][0]
        assert trends["energy per spin"]["change"] > 4 * trends["energy per spin"]["error"]
