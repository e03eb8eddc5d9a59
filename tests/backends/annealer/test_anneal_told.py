"""What is told of an anneal beside its reads: before it, what it will take; after it, how it was done."""

from __future__ import annotations

import time

import numpy as np
import pytest
from qspin_backends.annealer.physics import Path
from qspin_backends.annealer.physics.schrodinger import final_state

import qspin
from qspin.errors import InputError
from qspin.progress import listening

PAIR = qspin.IsingProblem([[0.0, -1.0], [-1.0, 0.0]])
CLOSED = {"topology": "none", "physics": "schrodinger", "annealing_time": 4e-4, "n_reads": 4, "n_gauges": 2}


def annealer(**settings):
    return qspin.get_backend("annealer", **{**CLOSED, **settings})


def codes(samples):
    return [remark.code for remark in samples.remarks]


class TestRecord:
    def test_a_closed_anneal_is_told_with_its_time_and_schedule(self, tmp_path):
        file = tmp_path / "flat.csv"
        file.write_text("s,A (GHz),B (GHz)\n0,2,0\n1,0,2\n")
        info = annealer(schedule=str(file)).sample(PAIR, seed=1).info
        assert info["pipeline"]["anneal"]["annealing_time"] == 4e-4
        assert info["device"] == {
            "name": "simulated",
            "topology": None,
            "physics": "schrodinger",
            "schedule": str(file),
        }

    @pytest.mark.parametrize(
        ("settings", "time", "schedule"),
        [
            ({"annealing_time": None, "anneal_schedule": [(0, 0.0), (3e-4, 1.0)]}, 3e-4, "quadratic"),
            ({"physics": "path_integral", "n_sweeps": 9}, None, "quadratic"),  # sweeps, and no time
            ({"physics": "path_integral", "schedule": "linear", "sweeps_per_ns": 9}, 4e-4, "linear"),
            ({"physics": "thermal", "n_sweeps": 9}, None, None),
        ],
    )
    def test_others_by_what_they_follow(self, settings, time, schedule):
        samples = annealer(**settings).sample(PAIR, seed=1)
        assert samples.info["pipeline"]["anneal"]["annealing_time"] == time
        assert samples.info["device"]["physics"] == settings.get("physics", "schrodinger")
        assert samples.info["device"]["schedule"] == schedule


class TestStart:
    @pytest.mark.parametrize(("at_start", "is_said"), [(0.0, False), (0.005, False), (0.05, True)])
    def test_a_schedule_that_begins_with_some_of_the_problem(self, tmp_path, at_start, is_said):
        file = tmp_path / "some.csv"
        file.write_text(f"s,A (GHz),B (GHz)\n0,2,{2 * at_start}\n1,0,2\n")
        samples = annealer(schedule=str(file)).sample(PAIR, seed=1)
        assert ("starts-in-the-driver" in codes(samples)) == is_said
        if is_said:
            (remark,) = (r for r in samples.remarks if r.code == "starts-in-the-driver")
            assert "B / A = 0.05 at s = 0" in remark.text
            assert f"{lacking(file):.2g} J^2 of the probability" in remark.text
            reverse = annealer(
                schedule=str(file), annealing_time=None, initial_state=[1, 1],
                anneal_schedule=[(0, 1.0), (2e-4, 0.5), (4e-4, 1.0)],
            )  # fmt: skip
            assert "starts-in-the-driver" not in codes(reverse.sample(PAIR, seed=1))

    def test_the_probability_that_is_lacking_stays_an_excitation(self, tmp_path):
        """However slow the anneal is; the ground state of H(0), by its matrix, is not where it starts."""
        file = tmp_path / "some.csv"
        file.write_text("s,A (GHz),B (GHz)\n0,4,0.8\n1,0,4\n")
        excited = [
            1 - (np.abs(final_state(PAIR, str(file), ns, tolerance=1e-7)) ** 2)[[0, 3]].sum()
            for ns in (200.0, 253.0)
        ]
        assert excited == pytest.approx([lacking(file)] * 2, rel=0.05)


def lacking(file):
    """1 less the overlap of |+ +> with the ground state at the start of a pair of coupling -1."""
    first = file.read_text().splitlines()[1]
    transverse, problem = (float(value) / 2 for value in first.split(",")[1:])
    x, z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
    both = np.kron(x, np.eye(2)) + np.kron(np.eye(2), x)
    _, states = np.linalg.eigh(-transverse * both - problem * np.kron(z, z))
    return 1 - (states[:, 0].sum() / 2) ** 2


class TestBefore:
    def told(self, **settings):
        remarks = []
        with listening(lambda progress: remarks.append(progress.remark)):
            samples = annealer(**settings).sample(PAIR, seed=1)
        return remarks, samples

    def test_a_time_that_was_meant_in_nanoseconds(self, monkeypatch):
        monkeypatch.setattr("qspin_backends.annealer.sampler._TOLD_SECONDS", 0.0)
        remarks, samples = self.told(annealing_time=0.6, tolerance=0.1)
        text = "0.6 are 600 ns of coherent evolution, and computing takes as much longer; give 0.0006"
        assert "anneal-is-long" in codes(samples)
        before = next(k for k, remark in enumerate(remarks) if text in remark)
        assert "s of computing expected" in remarks[before - 1]
        assert before < next(k for k, remark in enumerate(remarks) if "batch" in remark)
        _, short = self.told(annealing_time=0.02)
        assert "anneal-is-long" not in codes(short)

    @pytest.mark.parametrize("settings", [{"dephasing": 4.0}, {"dephasing": 0.1, "annealing_time": 0.01}])
    def test_trajectories_are_estimated(self, settings):
        """Within a factor of ten on any machine, of what 100 reads compute."""
        given = {"annealing_time": 2e-3, "n_reads": 100, "n_gauges": 4, **settings}
        annealer(**{**given, "n_reads": 1}).sample(PAIR, seed=1)  # compiled
        estimate = 1e-9 * annealer(**given).workload(PAIR).work
        start = time.process_time()
        annealer(**given).sample(PAIR, seed=1)
        taken = time.process_time() - start
        assert taken / 10 < estimate < 10 * taken

    def test_threads_share_only_large_states(self):
        for n, shared in ((4, 1), (20, 2)):
            problem = qspin.IsingProblem.from_edges(n, range(n - 1), range(1, n), [-1.0] * (n - 1))
            with annealer()._asked(problem) as (device, _, _, request):
                path = Path.of(request.programs[0].parameters)
                one, two = (device.dynamics.seconds(request.programs, path, 1.0, n) for n in (1, 2))
            assert one == pytest.approx(shared * two)


class TestAdvice:
    def test_a_time_that_only_fast_anneals_have(self):
        given = {"topology": "zephyr", "size": 2, "physics": "thermal"}
        with pytest.raises(InputError, match="got 0.005: set fast_anneal to true, which takes 0.005 to"):
            annealer(annealing_time=0.005, **given).check(PAIR)
        annealer(annealing_time=0.005, fast_anneal=True, **given).check(PAIR)
        with pytest.raises(InputError, match=r"got 1e\+06$"):
            annealer(annealing_time=1e6, **given).check(PAIR)

    @pytest.mark.parametrize("is_file", [True, False])
    def test_fields_are_weakened_only_where_that_is_a_setting(self, tmp_path, is_file):
        file = tmp_path / "strong.csv"
        file.write_text("s,A (GHz),B (GHz)\n0,4000,0\n1,0,2\n")
        given = {"schedule": str(file)} if is_file else {"transverse_field": 4_000.0}
        remarks = annealer(physics="path_integral", n_sweeps=5, **given).sample(PAIR, seed=1).remarks
        (text,) = (remark.text for remark in remarks if remark.code == "warmer-than-asked")
        assert text.endswith("or lower betas" if is_file else "or lower betas or transverse_field")


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "text"),
        [
            ({"physics": "thermal", "dephasing": 0.1}, "dephasing left out: without meaning for physics"),
            ({"temperature": 0.1}, "temperature left out: without meaning for physics 'schrodinger'"),
            ({"n_copies": 4}, "n_copies 4 on topology 'none': there is no device"),
            ({"n_copies": 4, "n_reads": 3}, "n_copies is 4 and n_reads 3: 3 copies give all"),
            ({"n_copies": 4, "n_reads": 3, "topology": "zephyr", "size": 2, "annealing_time": None,
              "physics": "thermal"}, "n_copies is 4 and n_reads 3: 3 copies give all"),
            ({"n_shim": 1, "shim_reads": 4, "h_noise": 0.1}, "this one has no such errors"),
        ],
    )  # fmt: skip
    def test_what_comes_to_nothing_is_said(self, settings, text):
        samples = annealer(**{"n_gauges": 1, **settings}).sample(PAIR, seed=1)
        assert sum(text in remark.text for remark in samples.remarks) == 1

    def test_what_means_something_is_not(self):
        chip = {"h_noise": 0.1, "noise_seed": 1, "n_shim": 1, "shim_reads": 4}
        for settings in ({}, {"dephasing": 1.0}, {"physics": "thermal", "temperature": 0.5, **chip}):
            found = codes(annealer(**settings).sample(PAIR, seed=1))
            others = {"settings-left-out", "settings-without-physics", "nothing-to-shim", "copies-alike"}
            assert not others & set(found)
