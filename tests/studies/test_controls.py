"""Scale or structure: a network that learned, against what it was before and against its shuffles."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr
from made_results import MadeResults, asked
from scipy import stats

from qspin.problem import IsingProblem
from qspin.registry import get_source, get_study
from qspin.source import Source, settings
from qspin.study import Axis

T = np.array([4.0, 2.0, 1.0, 0.5])
BEFORE, AFTER = [0.1, 0.1, 0.1, 0.4], [0.1, 0.2, 0.8, 0.9]


@settings
class Network(Source):
    """Of which only the settings matter."""

    epoch: int = 3
    shuffle: bool = False
    seed: int = 0
    shuffle_seed: int = 0

    @property
    def instance_key(self):
        return "shuffle_seed" if self.shuffle else "seed"

    def build(self, prepared):
        return IsingProblem(np.zeros((2, 2)))

    def controls(self):
        if self.shuffle or not self.epoch:
            return {}
        return {
            "before": dataclasses.replace(self, epoch=0),
            "null": dataclasses.replace(self, shuffle=True),
        }


def curve(q, error=0.01):
    return xr.Dataset(
        {"q_abs": ("beta", np.asarray(q, float)), "q_abs_error": ("beta", np.full(len(q), error))},
        coords={"beta": 1 / T, "temperature": ("beta", T)},
    )


def section(control, n_draws=None, others=("before",)):
    sources = {"before": Network(epoch=0), "after": Network(), "control": Network(shuffle=True)}
    values = {"before": curve(BEFORE), "after": curve(AFTER), "control": control}
    labels = [*others, "after", "control"]
    axes = {"control": [Axis("instance", tuple(range(n_draws)))]} if n_draws else {}
    lines = asked({label: sources[label] for label in labels}, ["exact"], axes)
    found = {("overlap_curve", label, "exact"): values[label] for label in labels}
    return get_study("overlaps").conclude(MadeResults(lines, found)).sections[0]


def told(*args, **kwargs):
    return [
        f.text
        for f in section(*args, **kwargs).findings
        if "differ by" not in f.text and "agree" not in f.text
    ]


@pytest.mark.parametrize(
    ("shuffled", "text"),
    [
        (
            [0.1, 0.12, 0.3, 0.8],
            "shows 28.6(2.1) % of that difference. That part is the growth of the weights alone",
        ),
        ([0.1, 0.2, 0.79, 0.9], "The growth of the weights explains it"),
        ([0.1, 0.12, 0.11, 0.8], "The growth of the weights does not explain it; their arrangement does"),
        ([0.1, 0.2, 0.97, 0.9], "works against the growth of their size"),
    ],
)
def test_one_draw(shuffled, text):
    (own,) = told(curve(shuffled))
    assert "at T = 1, where after and before differ most, control shows" in own
    assert text in own


def test_it_weighs_more_than_any_difference():
    findings = section(curve([0.1, 0.12, 0.3, 0.8])).findings
    assert "control shows" in findings[0].text
    assert findings[0].weight > findings[1].weight


class TestDraws:
    """Ten shuffles are a distribution, and the network is held against it."""

    rng = np.random.default_rng(3)
    far = [curve([0.1, 0.12, 0.3 + x, 0.8 + x]) for x in 0.02 * rng.normal(size=10)]

    def test_far_from_all_of_them(self):
        share, among = told(self.far, 10)
        values = np.array([float(d["q_abs"][2]) for d in self.far])
        deviations = (0.8 - values.mean()) / values.std(ddof=1)
        assert "% of that difference on average over 10 draws. That part is the growth" in share
        assert f"; {deviations:.1f} of them above all of them, which no draw would be" in among
        assert f"a standard deviation of {values.std(ddof=1):.2g}" in among

    def test_errors_are_over_draws(self):
        row, among = next(t for t in section(self.far, 10).tables if t.name == "controls").rows
        assert (among["share"], among["before"], among["spread"]) == (None, None, row["spread"])
        values = np.array([float(d["q_abs"][2]) for d in self.far])
        assert row["mean"] == pytest.approx(values.mean())
        assert row["mean_error"] == pytest.approx(values.std(ddof=1) / np.sqrt(10))
        assert row["spread"] == pytest.approx(values.std(ddof=1))
        assert (row["n_draws"], row["n_above"], row["temperature"]) == (10, 0, 1.0)
        error = np.hypot(np.hypot(row["mean_error"], 0.01), row["share"] * np.hypot(0.01, 0.01)) / 0.7
        assert row["share_error"] == pytest.approx(error)

    def test_among_them(self):
        near = [curve([0.1, 0.2, q, 0.9]) for q in (0.6, 0.7, 0.75, 0.85, 0.9)]
        share, among = told(near, 5)
        assert "The growth of the weights explains it" in share
        assert "above 3 of them, as one of 5 draws may be" in among

    def test_draws_that_are_equal_say_no_more_than_the_error_of_the_network(self):
        """As at low temperature, where every |q| is 1."""
        _, among = told([curve([0.1, 0.12, 0.3, 0.9])] * 3, 3)
        assert "with a standard deviation of" in among
        assert "50.0 of its standard errors above all of them" in among

    def test_what_two_draws_cannot_tell_is_not_told(self):
        """Student's t of one degree of freedom: nothing is rare."""
        share, among = told([curve([0.1, 0.2, q, 0.9]) for q in (0.3, 0.35)], 2)
        assert "as one of 2 draws may be" in among
        assert "explains it" in share

    def test_draws_alone(self):
        """Without the network before: where it differs most from its draws."""
        (among,) = told(self.far, 10, others=())
        assert among.startswith(
            "With exact, after lies farthest from 10 draws of control at T = 1: mean |q| is 0.80(1), that of"
        )

    def test_it_may_lie_farthest_elsewhere(self):
        """Where draws agree with each other, a smaller distance says more."""
        draws = [curve([0.1, 0.35 + x, 0.3 + 10 * x, 0.9]) for x in (-0.02, 0.0, 0.02)]
        share, among = told(draws, 3)
        assert "at T = 1, where after and before differ most" in share
        assert "draws of control at T = 2: mean |q| is 0.20(1)" in among
        assert "below all of them" in among

    def test_no_pair_is_told_of_it_besides(self):
        texts = [finding.text for finding in section(self.far, 10).findings]
        assert not any("mean |q| of after and control" in text for text in texts)
        assert any("before and control (average of 10)" in text for text in texts)

    def test_the_limit_is_that_of_another_draw(self):
        """As rare as four standard errors: of a million draws from one distribution, so many lie beyond."""
        from qspin.studies.overlaps.controls import Control

        rng = np.random.default_rng(1)
        control = Control("x", "a", "", "b", 1.0, 0.0, 0.0, 0.0, 0.0, np.zeros(0), 0.0)
        n, level = 6, 2 * stats.norm.sf(4)
        draws = rng.normal(size=(4000, n))
        limits = np.array([control._replace(draws=own).doubt for own in draws])
        # the same limit at a level that a simulation reaches
        scale = stats.t.isf(0.025, n - 1) / stats.t.isf(level / 2, n - 1)
        new = rng.normal(size=4000)
        share = float((np.abs(new - draws.mean(axis=1)) > scale * limits).mean())
        assert abs(share - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 4000)


def test_a_control_of_other_settings_is_none():
    sources = {"after": Network(), "other": Network(shuffle=True, epoch=2)}
    found = {("overlap_curve", label, "x"): curve(AFTER) for label in sources}
    own = get_study("overlaps").conclude(MadeResults(asked(sources, ["x"]), found)).sections[0]
    assert not [table for table in own.tables if table.name == "controls"]


def test_a_control_may_say_the_same_in_other_words():
    """Its epoch is the last by number, that of the trained network by default."""
    network = {"layers": [12, 3, 3], "dataset": "digits_small", "epochs": 3}
    sources = {
        "after": get_source("mlp", **network),
        "control": get_source("mlp", **network, epoch=3, shuffle=True),
    }
    values = {"after": curve(AFTER), "control": curve([0.1, 0.12, 0.3, 0.8])}
    found = {("overlap_curve", label, "x"): values[label] for label in sources}
    made = MadeResults(
        asked(sources, ["x"]), found
    )  # whose networks are not trained: theory has no couplings
    own = get_study("overlaps", theory="none").conclude(made).sections[0]
    assert [table for table in own.tables if table.name == "controls"]
