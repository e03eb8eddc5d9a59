"""Several depths in one training are the rows of one dataset; each is a call of its own with its angles."""

from __future__ import annotations

import numpy as np
import pytest

import qspin
from qspin.errors import InputError
from qspin.samples import SampleSet

SK6 = qspin.instances.sherrington_kirkpatrick(6, seed=3)


def qaoa(**settings):
    return qspin.get_backend("qaoa", **{"n_shots": 200, **settings})


@pytest.fixture(scope="module")
def swept():
    return qaoa(depths=[1, 2, 4], angles="interp").sample(SK6, seed=5)


class TestRows:
    def test_of_the_samples(self, swept, tmp_path):
        assert swept.spins.shape == (3, 200, 1, 6)
        assert np.isnan(swept.betas).all()
        assert swept.dataset["depth"].dims == ("beta",)
        swept.save(tmp_path / "a.nc")
        loaded = SampleSet.load(tmp_path / "a.nc")
        assert loaded.dataset.coords["depth"].values.tolist() == [1, 2, 4]

    @pytest.mark.parametrize("angles", ["interp", "fourier", "optimise", "table", "linear_ramp"])
    def test_each_is_a_call_with_its_angles_and_seed(self, angles):
        rows = qaoa(depths=[1, 3], angles=angles).sample(SK6, seed=5)
        for k, told in enumerate(rows.info["depths"]):
            given = {name: told["angles"][name] for name in ("gamma", "beta")}
            alone = qaoa(depth=told["depth"], angles=given).sample(SK6, seed=told["seed"])
            np.testing.assert_array_equal(alone.spins[0], rows.spins[k])
            assert alone.info["expected_energy"] == told["expected_energy"]
            assert alone.info["circuit"] == told["circuit"]

    def test_no_two_share_their_shots(self, swept):
        assert len({told["seed"] for told in swept.info["depths"]}) == 3
        seeds = [batch["seed"] for batch in swept.info["batches"]]
        assert len(set(seeds)) == 3
        assert [batch["depth"] for batch in swept.info["batches"]] == [1, 2, 4]

    def test_a_row_does_not_depend_on_the_others(self, swept):
        fewer = qaoa(depths=[1, 2], angles="interp").sample(SK6, seed=5)
        np.testing.assert_array_equal(fewer.spins, swept.spins[:2])

    def test_the_last_is_told_where_one_circuit_is(self, swept):
        assert swept.info["angles"] == swept.info["depths"][-1]["angles"]
        assert swept.info["circuit"] == swept.info["depths"][-1]["circuit"]
        assert "depth" in swept.info["ignored"]

    def test_energies_fall(self, swept):
        energies = [told["expected_energy"] for told in swept.info["depths"]]
        assert energies == sorted(energies, reverse=True)


class TestTraining:
    @pytest.mark.parametrize("angles", ["interp", "fourier"])
    def test_one_sweep_is_that_of_each_alone(self, angles):
        rows = qaoa(depths=[1, 2, 3], angles=angles, fourier_terms=2).sample(SK6, seed=5)
        for told in rows.info["depths"]:
            alone = qaoa(depth=told["depth"], angles=angles, fourier_terms=2).sample(SK6, seed=5)
            assert alone.info["angles"] == told["angles"]

    def test_optimise_goes_on_from_the_depth_before(self):
        rows = qaoa(depths=[1, 2], angles="optimise", n_starts=2).sample(SK6, seed=5)
        first, second = (told["angles"]["origin"]["training"]["starts"] for told in rows.info["depths"])
        assert set(first) == {"table", "linear_ramp"}
        assert set(second) == {"depth 1", "table"}

    def test_angles_are_transferred_depth_by_depth(self, swept, tmp_path):
        swept.save(tmp_path / "a.nc")
        settings = {"angles": "transfer", "angles_from": tmp_path / "a.nc"}
        for depth, row in ((2, 1), (4, 2)):
            gamma = qaoa(depth=depth, **settings).sample(SK6, seed=1).info["angles"]["gamma"]
            assert gamma == pytest.approx(swept.info["depths"][row]["angles"]["gamma"])


def test_a_workload_counts_all(capsys):
    one = qaoa(depth=4, angles="linear_ramp").workload(SK6)
    many = qaoa(depths=[2, 4], angles="linear_ramp").workload(SK6)
    assert one.work < many.work < 2 * one.work
    assert many.kept > one.kept


def test_nothing_to_measure():
    samples = qaoa(depths=[1, 2]).sample(qspin.IsingProblem(np.zeros((0, 0))), seed=1)
    assert samples.spins.shape == (2, 200, 1, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depths": [2, 1]}, r"depths ascend, such as \[1, 2, 3\]; got \[2, 1\]"),
        ({"depths": [1, 1]}, "depths ascend"),
        ({"depths": []}, "depths ascend"),
        ({"depths": [0, 1]}, "depths"),
        ({"depths": [1, 2], "angles": {"gamma": [0.1], "beta": [0.2]}}, "given angles are of one depth"),
        ({"depths": [1, 2], "angles": "optimise", "multi_angle": True}, "multi_angle trains one depth"),
    ],
)
def test_bad_input(settings, message):
    with pytest.raises(InputError, match=message):
        qaoa(**settings)
