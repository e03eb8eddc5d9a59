"""The Hopfield model: known loads and temperatures, its equations themselves, derivatives and limits."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import erf

from qspin.errors import InputError
from qspin.instances import hopfield as instance
from qspin.remarks import remarks_of
from qspin.theory import hopfield, hopfield_capacity, hopfield_phase_diagram

Z = np.linspace(-9, 9, 20_001)
WEIGHTS = np.exp(-(Z**2) / 2) / np.exp(-(Z**2) / 2).sum()


class TestCapacity:
    def test_at_zero_temperature(self):
        found = hopfield_capacity()
        assert float(found.capacity[0]) == pytest.approx(0.137906, abs=1e-6)
        assert float(found.overlap[0]) == pytest.approx(0.967, abs=5e-4)
        assert found.attrs["capacity_one_step"] == 0.138186

    def test_where_retrieval_ends(self):
        """T_M = 0.8010, 0.6504, 0.5422, 0.3154 at loads 0.01, 0.03, 0.05, 0.10."""
        found = hopfield_capacity([0.8010, 0.6504, 0.5422, 0.3154, 1.0, 2.0])
        assert_allclose(found.capacity, [0.01, 0.03, 0.05, 0.1, 0, 0], atol=2e-5)

    def test_the_line_bends_back(self):
        """The replica-symmetric capacity is largest above T = 0 (Naef, Canning 1992)."""
        found = hopfield_capacity([0.0, 0.02, 0.06]).capacity.values
        assert found[1] > found[0] > found[2]


class TestStates:
    @pytest.mark.parametrize(("load", "t"), [(0.05, 0.3), (0.12, 0.05), (0.02, 0.1), (0.3, 0.7), (0.3, 1.4)])
    def test_their_equations(self, load, t):
        """By sums over the patterns' signs and z."""
        found = hopfield(load, t)
        for state, n in (("spin_glass", 0), ("retrieval", 1), ("mixture_3", 3)):
            one = found.sel(state=state).isel(beta=0)
            if not one.exists:
                continue
            m, q, r = (float(one[name]) for name in ("overlap", "q", "noise"))
            signs = np.array(np.meshgrid(*[[-1, 1]] * n)).reshape(n, -1).T if n else np.zeros((1, 1))
            fields = np.tanh((m * signs.sum(axis=1)[:, None] + np.sqrt(load * r) * Z) / t)
            assert (fields**2 @ WEIGHTS).mean() == pytest.approx(q, abs=1e-7)
            assert ((fields @ WEIGHTS) * signs[:, 0]).mean() == pytest.approx(m, abs=1e-7)
            assert q / (1 - (1 - q) / t) ** 2 == pytest.approx(r, abs=1e-6)

    @pytest.mark.parametrize(("load", "t"), [(0.05, 0.3), (0.01, 0.1), (0.4, 0.5), (0.4, 1.8)])
    def test_derivatives_of_the_free_energy(self, load, t):
        step = 1e-4
        found = hopfield(load, [t - step, t, t + step])
        slope = (found.free_energy[2] - found.free_energy[0]) / (2 * step)
        exists = found.exists[1].values
        assert exists[0]
        assert_allclose(-slope[exists], found.entropy[1][exists], atol=1e-5)
        assert_allclose(found.energy - found.temperature * found.entropy, found.free_energy, atol=1e-12)

    def test_zero_temperature(self):
        found = hopfield(0.1, [0.0, 1e-3])
        assert_allclose(found.energy[0, :2], found.energy[1, :2], atol=1e-4)
        glass, memory = (found.sel(state=name).isel(beta=0) for name in ("spin_glass", "retrieval"))
        assert float(glass.energy) == pytest.approx(-1 / np.pi - np.sqrt(0.2 / np.pi))
        ratio = float(memory.overlap) / np.sqrt(0.2 * float(memory.noise))
        assert erf(ratio) == pytest.approx(float(memory.overlap), abs=1e-9)

    def test_no_load_is_a_ferromagnet(self):
        found = hopfield(0.0, [0.5, 1.2]).isel(beta=0)
        m = float(found.overlap.sel(state="retrieval"))
        assert m == pytest.approx(np.tanh(m / 0.5), abs=1e-12)
        assert found.lowest.sel(state="retrieval").item()

    def test_mixtures_of_few_patterns(self):
        """Of three they are stable below T = 0.461, of five below 0.385 (Amit et al. 1985)."""
        found = hopfield(0.0, [0.459, 0.463, 0.384, 0.388]).stable
        assert found.sel(state="mixture_3").values.tolist() == [True, False, True, True]
        assert found.sel(state="mixture_5").values.tolist() == [False, False, True, False]

    def test_the_paramagnet(self):
        found = hopfield(0.25, [1.499, 1.5, 2.0]).sel(state="spin_glass")
        assert found.q.values[0] > 0 == found.q.values[1] == found.q.values[2]
        assert float(found.energy[2]) == pytest.approx(-0.25 / 2 / (2 - 1))

    def test_against_an_instance(self):
        """Descent from a pattern: overlap and energy at T = 0, N = 2000."""
        problem = instance(2000, 160, seed=3)
        couplings, pattern = problem.couplings, np.array(problem.known.patterns[0], dtype=float)
        spins = pattern.copy()
        for _ in range(30):
            for i in range(len(spins)):
                spins[i] = 1.0 if couplings[i] @ spins < 0 else -1.0
        found = hopfield(0.08, 0.0).sel(state="retrieval").isel(beta=0)
        assert spins @ pattern / 2000 == pytest.approx(float(found.overlap), abs=0.002)
        assert spins @ (couplings @ spins) / 4000 == pytest.approx(float(found.energy), abs=0.01)

    def test_remarks(self):
        codes = [remark.code for remark in remarks_of(hopfield(0.2, [0.0, 1.6]).attrs)]
        assert codes == ["beyond-capacity", "replica-symmetry-broken"]
        assert remarks_of(hopfield(0.01, 1.2).attrs)[0].code == "beyond-capacity"


class TestLines:
    def test_known_values(self):
        begun = time.process_time()
        found = hopfield_phase_diagram([0.03, 0.1])
        assert time.process_time() - begun < 10
        assert_allclose(found.retrieval, [0.6504, 0.3154], atol=6e-5)
        assert_allclose(found.spin_glass, 1 + np.sqrt([0.03, 0.1]))
        assert found.attrs["ground_state_load"] == pytest.approx(0.0519, abs=6e-5)
        assert found.attrs["mixture_3_load"] == pytest.approx(0.03, abs=1e-4)
        assert found.attrs["capacity"] == pytest.approx(0.137906, abs=1e-6)
        assert np.isnan(found.ground_state[1])
        at = hopfield(0.03, float(found.ground_state[0])).free_energy[0]
        assert float(at.sel(state="retrieval")) == pytest.approx(float(at.sel(state="spin_glass")), abs=1e-9)

    def test_where_replica_symmetry_breaks_in_retrieval(self):
        """sqrt(8 alpha / 9 pi) exp(-1 / 2 alpha) for small loads (Amit et al. 1987)."""
        found = hopfield_phase_diagram([0.02]).retrieval_stability
        small = np.sqrt(8 * 0.02 / (9 * np.pi)) * np.exp(-1 / 0.04)
        assert float(found[0]) == pytest.approx(small, rel=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hopfield(-0.1, 0.5), "load, patterns per spin, takes values of 0 or more; got -0.1"),
        (lambda: hopfield([0.1], 0.5), r"load must be one finite number; got \[0.1\]"),
        (lambda: hopfield(np.inf, 0.5), "load must be finite; got inf"),
        (lambda: hopfield(0.1, 1e300), r"temperature takes .* up to 1e\+50; got 1e\+300"),
        (lambda: hopfield(1e-300, 0.1), r"load takes 0, or 1e-12 to 1e\+12, .* got 1e-300"),
        (lambda: hopfield(0.1, -1), "temperature takes one or several finite values of 0 or more"),
        (lambda: hopfield_capacity(np.nan), "temperature takes one or several finite values"),
        (lambda: hopfield_phase_diagram([0.0]), "load takes one or several finite values above 0"),
    ],
)
def test_what_is_no_model(call, message):
    with pytest.raises(InputError, match=message):
        call()
