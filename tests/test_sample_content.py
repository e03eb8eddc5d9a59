"""What may be samples, and what a file of them may hold."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import SampleSet, analysis
from qspin.errors import InputError


class TestBetas:
    @pytest.mark.parametrize(
        "betas", [[0.0, 1.0], [2.0, 1.0], [1.0, 1.0], [np.nan, np.nan], [0.5, np.nan], [-0.0, 1.0]]
    )
    def test_those_that_samples_can_have(self, glass, spins, tmp_path, betas):
        """In any order, more than once, and none where the sampler has no thermostat."""
        made = SampleSet.from_spins(glass, spins, betas)
        made.save(tmp_path / "a.nc")
        for again in (made, SampleSet.load(tmp_path / "a.nc", glass), SampleSet(made.dataset)):
            np.testing.assert_array_equal(again.betas, betas)
        again = SampleSet.from_dimod(made.to_dimod(), glass)
        np.testing.assert_array_equal(again.betas, betas)
        np.testing.assert_array_equal(again.arrays.spins, spins)

    @pytest.mark.parametrize(
        ("betas", "message"),
        [
            ([np.inf, 1.0], "not negative, or nan; got inf: of configurations of lowest energy.* it is nan"),
            ([1.0, -np.inf], "got -inf"),
            ([-1.0, 1.0], r"got -1: samples of exp.* are those of problem.scaled\(-1.0\)"),
        ],
    )
    def test_those_that_none_can_have(self, glass, spins, samples, tmp_path, betas, message):
        with pytest.raises(InputError, match=message):
            SampleSet.from_spins(glass, spins, betas)
        changed = samples.dataset.assign_coords(beta=betas)
        with pytest.raises(InputError, match=message):
            SampleSet(changed)
        changed.assign_attrs(qspin=1).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        with pytest.raises(InputError, match=f"a.nc is not a readable .*{message}"):
            SampleSet.load(tmp_path / "a.nc")

    def test_negative_ones_are_positive_ones_of_the_other_sign(self, glass):
        """As the message says: at beta < 0 the mean energy is minus that of -E at -beta."""
        enumerated = qspin.get_backend("exact").enumerate(glass)
        energies = enumerated.energies - enumerated.energies.max()
        weights = np.exp(0.7 * energies)
        expected = (weights @ enumerated.energies) / weights.sum()
        other = qspin.get_backend("exact").enumerate(glass.scaled(-1.0))
        assert -other.mean_energy(0.7) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["spins", "energies", "beta", "spin"])
def test_extra_variables_do_not_take_the_places_of_our_own(glass, spins, name):
    with pytest.raises(InputError, match=f"extra variables need names of their own; '{name}' is one"):
        SampleSet.from_spins(glass, spins, [0.5, 1.0], extra={name: ("replica", [1.0, 2.0, 3.0])})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d * 2, r"spins must be -1 or \+1; got"),
        (lambda d: d.assign(spins=d["spins"].astype(float)), "spins must be int8"),
        (lambda d: d.assign(energies=d["energies"][0]), "energies float64 with dims"),
        (lambda d: d.drop_vars("energies"), "a sample set has variables 'spins'"),
        (lambda d: d.drop_vars("beta"), "no coordinate 'beta'"),
        (lambda d: d.isel(spin=slice(4)), "names 10 spins and holds 4"),
        (lambda d: d.assign_attrs(info="{}"), "tells no status"),
        (lambda d: d.drop_attrs(deep=False), "the attribute 'qspin'"),
    ],
)
def test_a_dataset_is_held_against_what_samples_are(samples, change, message):
    with xr.set_options(keep_attrs=True):
        changed = change(samples.dataset)
    with pytest.raises(InputError, match=message):
        SampleSet(changed)


def test_a_status_is_text(glass, spins):
    with pytest.raises(InputError, match="status of info must be text, such as 'complete'; got 3"):
        SampleSet.from_spins(glass, spins, [0.5, 1.0], {"status": 3})


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"x": ("beta", [None, {}])}, "variables and attributes of numbers and text"),
        ({"x": ("beta", np.array([1, 2], "m8[s]"))}, "variables and attributes of numbers and text"),
        ({"a/b": ("beta", [1, 2])}, "text without '/'; got 'a/b'"),
        ({"x": ("a/b", np.ones(3))}, "text without '/'; got 'a/b'"),
        ({"x": ("", np.ones(3))}, "text without '/'; got ''"),
        ({3: ("beta", np.ones(2))}, "text without '/'; got 3"),
    ],
)
def test_what_could_not_be_read_again_is_not_written_over_what_stands_there(
    glass, spins, samples, tmp_path, extra, message
):
    samples.save(tmp_path / "a.nc")
    with pytest.raises(InputError, match=message):
        SampleSet.from_spins(glass, spins, [0.5, 1.0], extra=extra).save(tmp_path / "a.nc")
    assert SampleSet.load(tmp_path / "a.nc", glass).dataset.identical(samples.dataset)


def test_attributes_that_no_file_can_hold(samples, tmp_path):
    with pytest.raises(InputError, match="attributes of numbers and text"):
        SampleSet(samples.dataset.assign_attrs(mine={"a": 1})).save(tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())


class TestPaths:
    @pytest.mark.parametrize("given", [None, 3, b"a.nc"])
    def test_what_is_no_path_is_refused(self, samples, given):
        for use in (SampleSet.load, samples.save):
            with pytest.raises(InputError, match=f"expected a path, .*; got {given!r}"):
                use(given)

    def test_a_folder_is_no_file(self, samples, tmp_path):
        with pytest.raises(InputError, match=rf"{tmp_path} is a folder; expected a sample file"):
            SampleSet.load(tmp_path)

    def test_folders_on_the_way_are_made(self, samples, tmp_path):
        samples.save(tmp_path / "new" / "one" / "a.nc")
        assert SampleSet.load(tmp_path / "new" / "one" / "a.nc").dataset.identical(samples.dataset)


def test_curves_of_a_ladder_in_any_order_are_those_of_its_rows(glass, spins):
    """Which is why descending ladders are samples too."""
    up = SampleSet.from_spins(glass, spins, [0.5, 1.0])
    down = SampleSet.from_spins(glass, spins[::-1], [1.0, 0.5])
    one, other = (analysis.overlap_curve(samples) for samples in (up, down))
    np.testing.assert_allclose(one["q_abs"].values, other["q_abs"].values[::-1])
