"""What is told of an anneal beside its reads: before it, what it will take; after it, how it was done."""

from __future__ import annotations

import pytest

import qspin

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
