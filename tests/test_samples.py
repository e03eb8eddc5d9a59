from __future__ import annotations

import dimod
import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import IsingProblem, SampleSet
from qspin.errors import CapacityError, InputError, RunError
from qspin.samples import allocate_spins, run_info


@pytest.fixture
def samples(glass):
    spins = np.random.default_rng(1).choice([-1, 1], size=(2, 3, 4, 10))
    extra = {"swap_rate": ("beta", [0.5, np.nan])}
    return SampleSet.from_spins(glass, spins, [0.5, 1.0], {"backend": "test"}, extra)


def test_layout(samples, glass):
    assert samples.dataset.sizes == {"beta": 2, "replica": 3, "draw": 4, "spin": 10}
    assert samples.spins.dims == ("beta", "replica", "draw", "spin")
    np.testing.assert_allclose(samples.energies.values, glass.energies(samples.spins.values))
    np.testing.assert_array_equal(samples.temperatures, [2, 1])
    assert samples.info["problem"] == glass.digest


def test_netcdf_keeps_everything(samples, tmp_path):
    samples.save(tmp_path / "a.nc")
    again = SampleSet.load(tmp_path / "a.nc")
    xr.testing.assert_identical(again.dataset, samples.dataset)
    assert again.info == samples.info
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as plain:
        assert plain["spins"].dtype == np.int8


@pytest.mark.parametrize(
    "labels", [["a", "b"], [5, 3], [("t", 1), "x"], [1.5, (("n",),)], ["é", "ü"], [True, "x"]]
)
def test_labels_of_all_kinds_come_back(tmp_path, labels):
    problem = IsingProblem([[0, 1], [1, 0]], labels=labels)
    SampleSet.from_spins(problem, np.ones((1, 2, 1, 2))).save(tmp_path / "a.nc")
    assert list(SampleSet.load(tmp_path / "a.nc").labels) == labels


def test_best_is_a_copy(samples):
    best = samples.best
    assert best.energy == samples.energies.values.min()
    np.testing.assert_array_equal(
        best.spins, samples.spins.values[(best.beta == 1.0 and 1) or 0, best.replica, best.draw]
    )
    best.spins[:] = 0
    assert (np.abs(samples.spins.values) == 1).all()


class TestDimod:
    def test_our_rows_return_to_their_places(self, samples, glass):
        again = SampleSet.from_dimod(samples.to_dimod(), glass, samples.info)
        np.testing.assert_array_equal(again.spins.values, samples.spins.values)
        np.testing.assert_array_equal(again.betas, samples.betas)

    def test_shuffled_rows_and_columns_return_too(self, samples, glass):
        ours = samples.to_dimod()
        order = np.random.default_rng(0).permutation(len(ours))
        shuffled = dimod.SampleSet.from_samples(
            (ours.record.sample[order][:, ::-1], list(ours.variables)[::-1]),
            "SPIN",
            ours.record.energy[order],
            **{name: ours.record[name][order] for name in ("beta", "beta_index", "replica", "draw")},
        )
        again = SampleSet.from_dimod(shuffled, glass)
        np.testing.assert_array_equal(again.spins.values, samples.spins.values)

    def test_rows_without_a_temperature_return_too(self, glass):
        spins = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), size=(3, 4, 1, 10))
        samples = SampleSet.from_spins(glass, spins, [np.nan] * 3)
        again = SampleSet.from_dimod(samples.to_dimod(), glass)
        np.testing.assert_array_equal(again.spins.values, spins)

    def test_foreign_reads_are_replicas_without_temperature(self, glass):
        rows = np.random.default_rng(0).choice([0, 1], size=(3, 10))
        foreign = dimod.SampleSet.from_samples(rows, "BINARY", energy=[9.0] * 3, num_occurrences=[1, 3, 2])
        ours = SampleSet.from_dimod(foreign, glass)
        assert ours.spins.shape == (1, 6, 1, 10)
        assert np.isnan(ours.betas).all()
        np.testing.assert_array_equal(ours.spins.values[0, :, 0], 2 * np.repeat(rows, [1, 3, 2], axis=0) - 1)
        np.testing.assert_allclose(ours.energies.values.ravel(), glass.energies(ours.spins.values[0, :, 0]))

    def test_without_a_problem_the_reported_energies_stay_and_say_so(self):
        foreign = dimod.SampleSet.from_samples([{"a": 1, "b": -1}], "SPIN", energy=[4.5])
        ours = SampleSet.from_dimod(foreign)
        assert ours.energies.values.tolist() == [[[4.5]]]
        assert "not recomputed" in ours.info["warnings"][0]

    def test_other_variables_are_refused(self, glass):
        foreign = dimod.SampleSet.from_samples([{"a": 1}], "SPIN", energy=[0])
        with pytest.raises(InputError, match="other variables than the problem: 1 against 10"):
            SampleSet.from_dimod(foreign, glass)


@pytest.mark.parametrize(
    ("spins", "betas", "message"),
    [
        (np.ones((2, 3, 10)), None, "dims"),
        (np.ones((1, 3, 1, 9)), None, r"shape \(\.\.\., 10\)"),
        (np.zeros((1, 3, 1, 10)), None, r"-1 or \+1"),
        (np.ones((2, 3, 1, 10)), [1.0], "one beta is needed for each of 2"),
    ],
)
def test_misfits_are_refused(glass, spins, betas, message):
    with pytest.raises(InputError, match=message):
        SampleSet.from_spins(glass, spins, betas)


def test_files_that_are_no_sample_sets(tmp_path):
    with pytest.raises(InputError, match="no sample file"):
        SampleSet.load(tmp_path / "missing.nc")
    (tmp_path / "a.nc").write_text("text")
    with pytest.raises(InputError, match="not a readable NetCDF"):
        SampleSet.load(tmp_path / "a.nc")
    xr.Dataset({"x": 1}).to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="a sample set has variables 'spins'"):
        SampleSet.load(tmp_path / "b.nc")


def test_a_failed_save_keeps_the_old_file(samples, tmp_path, monkeypatch):
    samples.save(tmp_path / "a.nc")
    before = (tmp_path / "a.nc").read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(RunError, match="No space left on device; nothing was left half-written"):
        samples.save(tmp_path / "a.nc")
    assert (tmp_path / "a.nc").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_too_many_samples_are_refused_before_allocation():
    with pytest.raises(CapacityError, match=r"take 9.31e\+03 GiB.*keep fewer draws"):
        allocate_spins(10, 10, 10**5, 10**6)


def test_run_info_is_json_and_holds_the_settings():
    sampler = qspin.get_backend("exact", betas=[1.0, 2.0])
    info = run_info(sampler, 3, clocks={"sample": 0.5}, ground_energy=-1.0)
    assert info["settings"] == {"betas": [1.0, 2.0], "n_replicas": 100, "max_spins": 26}
    assert (info["backend"], info["seed"], info["ground_energy"]) == ("exact", 3, -1.0)
    assert "numpy" in info["versions"]
