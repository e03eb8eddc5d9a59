"""Overlaps of parts, averages over disorder, transitions, finite-size scaling: closed formulas and known
curves.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import qspin
from qspin.analysis import (
    bootstrap,
    collapse,
    correlation_length,
    crossings,
    disorder_curve,
    disorder_distribution,
    dissimilarity,
    dissimilarity_curve,
    distance_overlaps,
    group_overlap_curve,
    layers_by_label,
    layers_of,
    link_overlaps,
    magnetisation_curve,
    overlap_curve,
    overlap_distribution,
    pattern_overlap_curve,
    pattern_overlaps,
    site_overlaps,
)
from qspin.analysis.independent import independent_configurations
from qspin.analysis.resolved import _part
from qspin.errors import InputError
from qspin.testing import assert_within_errors


def exact(problem, betas, n_replicas=400, seed=1):
    return qspin.get_backend("exact", betas=betas, n_replicas=n_replicas).sample(problem, seed=seed)


class TestParts:
    def test_groups_are_overlaps_of_their_spins(self):
        problem = qspin.instances.sherrington_kirkpatrick(8, seed=1)
        samples = exact(problem, [0.5, 1.0], 50)
        curve = group_overlap_curve(samples, layers_of([3, 5]))
        part = samples.spins.values[:, :, 0, :3].astype(float)
        q = np.einsum("bri,bsi->brs", part, part) / 3
        rows, columns = np.triu_indices(50, 1)
        np.testing.assert_allclose(curve["q2"].sel(group="layer 0"), (q[:, rows, columns] ** 2).mean(axis=1))
        whole = group_overlap_curve(samples, {"all": range(8)}).sel(group="all", drop=True)
        xr.testing.assert_allclose(whole, overlap_curve(samples))

    def test_a_part_has_its_own_labels(self, tmp_path):
        labels = ["a", ("b", 1), 7, "d"]
        problem = qspin.IsingProblem.from_edges(4, [0, 2], [1, 3], [-1.0, 1.0], labels=labels)
        samples = exact(problem, [1.0], 5)
        part = _part(samples, np.array([3, 1]))
        assert (part.n_spins, list(part.labels)) == (2, ["d", ("b", 1)])
        np.testing.assert_array_equal(part.spins.values, samples.spins.values[..., [3, 1]])
        part.save(tmp_path / "part.nc")
        assert list(qspin.SampleSet.load(tmp_path / "part.nc").labels) == ["d", ("b", 1)]
        assert list(samples.labels) == list(problem.labels)
        with pytest.raises(InputError, match="samples of another problem"):
            part.verify(problem)

    def test_layers_are_read_from_the_labels_of_a_twin(self):
        groups = layers_by_label(["0:0", "0:1", "1:0"])
        assert {name: spins.tolist() for name, spins in groups.items()} == {"layer 0": [0, 1], "layer 1": [2]}
        assert layers_by_label(range(3)) == {}

    @pytest.mark.parametrize("group", [[], [8], [-1]])
    def test_a_group_that_is_none(self, group):
        samples = exact(qspin.instances.sherrington_kirkpatrick(8, seed=1), [1.0], 5)
        with pytest.raises(InputError, match="positions of spins, 0 to 7"):
            group_overlap_curve(samples, {"a": group})

    def test_a_mask_is_a_mask(self):
        """Eight values of a mask are eight spins, not positions 0 and 1."""
        samples = exact(qspin.instances.sherrington_kirkpatrick(8, seed=1), [1.0], 30)
        mask = np.arange(8) >= 5
        groups = {"mask": mask, "list": mask.tolist(), "positions": [5, 6, 7]}
        curve = group_overlap_curve(samples, groups)
        for name in ("mask", "list"):
            xr.testing.assert_equal(curve.sel(group=name, drop=True), curve.sel(group="positions", drop=True))

    @pytest.mark.parametrize(
        ("group", "message"),
        [
            ([True, False], "group 'a' is a mask of 2 values, but there are 8 spins"),
            ([1, 2, 1], "group 'a' holds position 1 twice"),
            ([0.0, 1.0], "group 'a' must hold whole numbers, 0 to 7"),
            ([0.5], "whole numbers"),
            (["0"], "whole numbers"),
            ([[0, 1], [2, 3]], r"one list of positions or a mask; got shape \(2, 2\)"),
            ([[0], [1, 2]], "one list of positions or a mask"),
            (3, "one list of positions or a mask"),
            (np.zeros(8, bool), "got none"),
            ([2**40], "0 to 7; got 1099511627776"),
        ],
    )
    def test_positions_are_checked(self, group, message):
        samples = exact(qspin.instances.sherrington_kirkpatrick(8, seed=1), [1.0], 5)
        with pytest.raises(InputError, match=message):
            group_overlap_curve(samples, {"a": group})
        with pytest.raises(InputError, match="no groups"):
            group_overlap_curve(samples, {})

    def test_what_else_takes_positions(self):
        problem = qspin.instances.sherrington_kirkpatrick(8, seed=1)
        samples = exact(problem, [1.0], 5)
        spins = samples.spins.values
        for i, j, message in (
            ([0, 0], [1, 1], r"edge \[0, 1\] stands twice"),
            ([0, 1], [1, 0], r"edge \[0, 1\] stands twice"),
            ([0], [8], "0 to 7; got 8"),
            ([-1], [2], "0 to 7; got -1"),
            ([0.5], [2], "whole numbers"),
            ([True] * 8, [False] * 8, "got a mask"),
            ([3], [3], "got 3 with itself"),
            ([0, 1], [2], "two lists of ends of one length"),
        ):
            with pytest.raises(InputError, match=message):
                link_overlaps(spins, i, j)
        for sizes in ([3, -1], [0], [2.5], [True]):
            with pytest.raises(InputError, match="positive whole numbers; got"):
                layers_of(sizes)
        with pytest.raises(InputError, match="got 0; binary values"):
            pattern_overlaps(spins, np.arange(8) % 2)
        for places in (np.arange(8.0), np.zeros((7, 2)), np.full((8, 1), np.nan)):
            with pytest.raises(InputError, match=r"coordinates \(8, n_dimensions\)"):
                correlation_length(samples, places, 8)
        with pytest.raises(InputError, match="stands twice"):
            correlation_length(samples, np.zeros((8, 1)), 8)
        for row in (1, -1, True, 0.0):
            with pytest.raises(InputError, match="row must be a whole number, 0 to 0; got"):
                independent_configurations(samples, row)

    def test_sites_of_free_spins_in_fields(self):
        """<s_i> = -tanh(beta h_i), so q_i is its square."""
        fields = np.array([0.0, 0.4, -1.5])
        problem = qspin.IsingProblem(np.zeros((3, 3)), fields)
        found = site_overlaps(exact(problem, [0.7, 1.3]))
        expected = np.tanh(np.outer([0.7, 1.3], fields)) ** 2
        assert_within_errors(found["q_site"], found["q_site_error"], expected, what="q_i")
        assert_within_errors(found["q_ea"], found["q_ea_error"], expected.mean(axis=1), what="q_EA")

    def test_correlations_of_a_chain(self):
        """<s_0 s_r> = tanh(beta)^r on an open chain; in each replica as an average over its draws."""
        chain = qspin.IsingProblem.from_edges(8, range(7), range(1, 8), [-1.0] * 7)
        sampler = qspin.get_backend("tempering", betas=[1.0], n_replicas=60, n_sweeps=6_000, n_draws=300)
        found = distance_overlaps(sampler.sample(chain, seed=1), chain).isel(beta=0)
        expected = np.tanh(1.0) ** (2 * found["distance"].values)
        assert_within_errors(found["correlation"], found["correlation_error"], expected, what="C(r)")
        np.testing.assert_array_equal(found["n_pairs"], [7, 6, 5, 4, 3, 2, 1])

    def test_correlation_length_grows_towards_the_cold(self):
        lattice = qspin.instances.lattice_ferromagnet((8, 8))
        positions = np.stack(np.unravel_index(np.arange(64), (8, 8)), axis=1)
        sampler = qspin.get_backend(
            "tempering", betas=[0.2, 0.35, 0.44], n_replicas=12, n_sweeps=2_000, n_draws=40
        )
        samples = sampler.sample(lattice, seed=1)
        found = correlation_length(samples, positions, 8)
        assert (np.diff(found["xi_over_l"]) > 0).all()
        np.testing.assert_allclose(found["chi0"], 64 * overlap_curve(samples)["q2"])

    def test_magnetisation_and_susceptibility(self):
        """A square ferromagnet of 3 x 3 spins against enumeration."""
        problem = qspin.instances.lattice_ferromagnet((3, 3), periodic=False)
        states = 1 - 2 * ((np.arange(512)[:, None] >> np.arange(9)) & 1)
        m, energies = states.mean(axis=1), problem.energies(states)
        found = magnetisation_curve(exact(problem, [0.2, 0.5], 2_000))
        for row, beta in enumerate([0.2, 0.5]):
            weights = np.exp(-beta * energies) / np.exp(-beta * energies).sum()
            m_abs, m2 = np.abs(m) @ weights, m**2 @ weights
            expected = {"m_abs": m_abs, "m2": m2, "susceptibility": beta * 9 * (m2 - m_abs**2)}
            for name, value in expected.items():
                estimate, error = (float(found[key][row]) for key in (name, f"{name}_error"))
                assert_within_errors(estimate, error, value, what=name)

    def test_patterns(self):
        patterns = np.array([[1, 1, 1, 1], [1, -1, 1, -1]])
        np.testing.assert_allclose(pattern_overlaps([1, 1, 1, -1], patterns), [0.5, 0.5])
        with pytest.raises(InputError, match="patterns of 4 spins do not fit configurations of 3"):
            pattern_overlaps([1, 1, 1], patterns)

    def test_a_memory_recalls_its_pattern(self):
        """Mattis model of 12 spins against enumeration: mean |m|."""
        problem = qspin.instances.mattis(12, seed=2)
        enumeration = qspin.get_backend("exact").enumerate(problem)
        pattern = enumeration.ground_states()[0]
        states = 1 - 2 * ((np.arange(4096)[:, None] >> np.arange(12)) & 1)
        weights = np.exp(-1.2 * problem.energies(states))
        expected = np.abs(states @ pattern / 12) @ weights / weights.sum()
        found = pattern_overlap_curve(exact(problem, [1.2]), pattern)
        assert_within_errors(found["m_abs"][:, 0], found["m_abs_error"][:, 0], [expected], what="m")
        assert_within_errors(found["m_max"], found["m_max_error"], [expected], what="m")


class TestDisorder:
    @pytest.fixture(scope="class")
    def glasses(self):
        return [
            exact(qspin.instances.sherrington_kirkpatrick(8, seed=k), [0.2, 2.0], 60, k) for k in range(12)
        ]

    def test_averages_and_ratios(self, glasses):
        curves = [overlap_curve(samples) for samples in glasses]
        found = disorder_curve(curves, 8)
        q2 = np.array([curve["q2"].values for curve in curves])
        np.testing.assert_allclose(found["q2"], q2.mean(axis=0))
        np.testing.assert_allclose(found["chi_sg"], 8 * q2.mean(axis=0))
        spread = q2.var(axis=0, ddof=1)  # without bias, as is the square of the average
        square = q2.mean(axis=0) ** 2 - spread / 12
        np.testing.assert_allclose(found["self_averaging"], spread / square)
        q4 = np.array([curve["q4"].values for curve in curves]).mean(axis=0)
        np.testing.assert_allclose(found["guerra"], spread / (q4 - square))
        ordinary = q2.std(axis=0, ddof=1) / np.sqrt(12)
        np.testing.assert_allclose(found["q2_error"], ordinary, rtol=0.25)

    def test_mean_distribution(self, glasses):
        found = disorder_distribution([overlap_distribution(samples) for samples in glasses])
        np.testing.assert_allclose((found["density"] * found["width"]).sum("q"), 1)
        assert found.attrs["n_instances"] == 12

    def test_what_has_no_average(self, glasses):
        curve = overlap_curve(glasses[0])
        with pytest.raises(InputError, match="at least two instances; got 1"):
            disorder_curve([curve], 8)
        other = overlap_curve(exact(qspin.instances.sherrington_kirkpatrick(8, seed=1), [0.3, 2.0], 10))
        with pytest.raises(InputError, match="sampled at different temperatures"):
            disorder_curve([curve, other], 8)

    def test_bootstrap_of_a_mean(self):
        values = np.random.default_rng(0).normal(size=200)
        mean, error, drawn = bootstrap(values, lambda sample: sample.mean())
        assert mean == values.mean()
        assert error == pytest.approx(values.std() / np.sqrt(200), rel=0.15)
        assert drawn.shape == (500,)


class TestTransitions:
    @pytest.mark.parametrize(
        ("measure", "apart"), [("jensen_shannon", np.log(2)), ("total_variation", 1.0), ("linear", 1.0)]
    )
    def test_the_ends_of_the_scale(self, measure, apart):
        assert dissimilarity([0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], measure) == pytest.approx(apart)
        assert dissimilarity([0.3, 0.7], [0.3, 0.7], measure) == pytest.approx(0)

    def test_total_variation_is_what_it_is_called(self):
        left, right = np.array([0.2, 0.5, 0.3]), np.array([0.4, 0.1, 0.5])
        expected = 0.5 * np.abs(left - right).sum()
        assert dissimilarity(left, right, "total_variation") == pytest.approx(expected)

    def test_the_peak_of_a_first_order_like_jump(self):
        """Energies jump between the fourth and the fifth of eight rows."""
        rng = np.random.default_rng(0)
        spins = np.ones((8, 20, 1, 50), np.int8)
        spins[:4] = rng.choice([-1, 1], size=(4, 20, 1, 50))
        samples = qspin.SampleSet.from_spins(
            qspin.instances.mattis(50, seed=1), spins, np.linspace(0.5, 2, 8)
        )
        found = dissimilarity_curve(samples, width=1)
        assert int(found["dissimilarity"].argmax()) == 3
        assert found["is_peak"].values.tolist() == [False] * 3 + [True] + [False] * 3

    def test_wrong_input(self):
        samples = exact(qspin.instances.mattis(6, seed=1), [1.0], 5)
        with pytest.raises(InputError, match="at least two are needed; got 1"):
            dissimilarity_curve(samples)
        with pytest.raises(InputError, match="must be one of jensen_shannon"):
            dissimilarity([1.0], [1.0], "kl")


class TestFiniteSize:
    T = np.linspace(0.8, 1.4, 13)

    def curves(self, noise=0.0, t_c=1.1, nu=2.5, seed=0):
        rng = np.random.default_rng(seed)
        return {
            size: 0.5 - 0.3 * np.tanh((self.T - t_c) * size ** (1 / nu)) + noise * rng.normal(size=13)
            for size in (4, 6, 8)
        }

    def test_crossings_of_known_curves(self):
        resampled = {
            size: np.array([self.curves(0.002, seed=k)[size] for k in range(1, 60)]) for size in (4, 6, 8)
        }
        found = crossings(self.T, self.curves(), resampled)
        assert [crossing.sizes for crossing in found] == [(4, 6), (6, 8)]
        for crossing in found:
            assert crossing.temperature == pytest.approx(1.1, abs=0.005)
            assert 0 < crossing.error < 0.05
            assert crossing.share > 0.9

    def test_curves_that_do_not_cross(self):
        apart = {4: np.zeros(13), 6: np.ones(13)}
        (found,) = crossings(self.T, apart, {size: values[None] for size, values in apart.items()})
        assert np.isnan(found.temperature)
        assert found.share == 0

    def test_collapse_finds_what_was_put_in(self):
        errors = {size: np.full(13, 0.002) for size in (4, 6, 8)}
        found = collapse(self.T, self.curves(0.002), errors, start=(1.0, 2.0), n_resamples=40)
        assert abs(found.t_c - 1.1) < 4 * found.t_c_error
        assert abs(found.nu - 2.5) < 4 * found.nu_error + 0.1
        assert 0.3 < found.quality < 2

    def test_too_little(self):
        with pytest.raises(InputError, match="two sizes and three temperatures; got 1 and 13"):
            crossings(self.T, {4: self.T}, {4: self.T[None]})
        with pytest.raises(InputError, match="needs more than 7 points; got 3"):
            collapse(self.T[:3], {4: self.T[:3]}, {4: self.T[:3]}, start=(1, 1))
