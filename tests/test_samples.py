from __future__ import annotations

import json
import signal

import dimod
import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import IsingProblem, SampleSet
from qspin.errors import CapacityError, InputError, RunError
from qspin.memory import allocate_spins
from qspin.provenance import run_info
from qspin.remarks import Level
from qspin.sealed import _plainly_read


@pytest.fixture
def samples(glass):
    spins = np.random.default_rng(1).choice([-1, 1], size=(2, 3, 4, 10))
    extra = {"swap_rate": ("beta", np.array([0.5, np.nan]))}
    return SampleSet.from_spins(glass, spins, [0.5, 1.0], {"backend": "test"}, extra)


def test_layout(samples, glass):
    assert samples.dataset.sizes == {"beta": 2, "replica": 3, "draw": 4, "spin": 10}
    assert samples.spins.dims == ("beta", "replica", "draw", "spin")
    np.testing.assert_allclose(samples.energies.values, glass.energies(samples.spins.values))
    np.testing.assert_array_equal(samples.temperatures, [2, 1])
    assert samples.info["problem"] == glass.digest


def test_arrays_are_those_of_the_dataset(samples):
    """Before it is put together, and after."""
    before = samples.arrays
    expected = samples.spins.values, samples.energies.values, samples.dataset["beta"].values
    for own in (before, samples.arrays, SampleSet(samples.dataset).arrays):
        for array, values in zip(own, expected, strict=True):
            np.testing.assert_array_equal(array, values)
            assert not array.flags.writeable
            assert array.dtype == values.dtype


def test_what_was_asked_of_the_arrays_is_what_the_dataset_says(samples):
    asked = samples.best, samples.info, samples.labels, samples.n_spins, samples.energy_tolerance
    again = SampleSet(samples.dataset)
    assert samples.is_as_made
    assert not again.is_as_made
    found = again.best, again.info, again.labels, again.n_spins, again.energy_tolerance
    for one, other in zip(asked[0], found[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert asked[1:] == found[1:]


def test_a_dataset_that_was_changed_is_held_against_its_problem(samples, glass):
    """What nobody could have changed since its energies were computed is not computed again."""
    samples.verify(glass)
    changed = SampleSet(samples.dataset.assign(energies=samples.energies + 1.0))
    with pytest.raises(InputError, match="24 of 24 energies are not those of their spins"):
        changed.verify(glass)


@pytest.mark.parametrize(
    "extra",
    [
        {"x": ("beta", np.ones(3))},
        {"x": (("replica", "own"), np.ones((3, 2))), "y": ("own", np.ones(3))},
        {"x": ("beta", np.ones((2, 2)))},
        {"x": ("beta", [1.0])},
        {"x": "beta"},
    ],
)
def test_variables_that_do_not_fit_are_refused_at_once(glass, extra):
    with pytest.raises(InputError, match="extra variables do not fit the samples"):
        SampleSet.from_spins(glass, np.ones((2, 3, 1, 10)), [0.5, 1.0], None, extra)


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


@pytest.mark.parametrize(
    ("extra", "labels", "is_plain"),
    [
        ({}, None, True),
        ({"n": (("beta", "replica"), np.arange(6).reshape(2, 3)), "x": ((), 0.5)}, None, True),
        ({"share": (("beta", "own"), np.full((2, 4), np.nan, dtype=np.float32))}, list("abcdefghij"), True),
        ({"name": ("beta", np.array(["a", "é"], dtype=object))}, None, True),
        ({"flag": ("beta", [True, False])}, None, False),
        ({"many": (("beta", "none"), np.empty((2, 0)))}, None, True),
    ],
)
def test_what_is_read_plainly_is_what_xarray_reads(samples, tmp_path, extra, labels, is_plain):
    """Encodings that are not known are left to xarray."""
    dataset = samples.dataset.assign(extra)
    if labels is not None:
        dataset = dataset.assign_coords(spin=np.array(labels, dtype=object))
        dataset.attrs["labels"] = json.dumps(labels)
    SampleSet(dataset).save(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as lazy:
        expected = lazy.load()
    plain = _plainly_read(tmp_path / "a.nc")
    assert (plain is not None) == is_plain
    if plain is not None:
        xr.testing.assert_identical(plain, expected)
        numbers = {k: v.dtype for k, v in expected.variables.items() if v.dtype.kind in "iuf"}
        assert {k: plain[k].dtype for k in numbers} == numbers
        assert {k: type(v) for k, v in plain.attrs.items()} == {k: type(v) for k, v in expected.attrs.items()}
    del expected.attrs["checksum"]
    xr.testing.assert_identical(SampleSet.load(tmp_path / "a.nc").dataset, expected)


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
        (remark,) = ours.remarks
        assert remark.code == "energies-not-recomputed"
        assert "not recomputed" in remark.text

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


class TestDamage:
    """A damaged file is refused by name, or loads as what was saved."""

    @pytest.fixture
    def file(self, samples, tmp_path):
        samples.save(tmp_path / "a.nc")
        return tmp_path / "a.nc"

    def test_other_programs_open_a_sealed_file(self, samples, file):
        import h5py

        with h5py.File(file) as content:
            assert content["spins"].shape == (2, 3, 4, 10)
        with xr.open_dataset(file) as content:
            np.testing.assert_array_equal(content["energies"], samples.energies)

    def test_every_damaged_byte_is_found(self, samples, file):
        whole = file.read_bytes()
        rng = np.random.default_rng(0)
        for place in rng.integers(0, len(whole), 150):
            other = bytearray(whole)
            other[place] ^= int(rng.integers(1, 256))
            file.write_bytes(other)
            self.assert_refused_or_equal(samples, file)

    def test_damage_behind_a_lost_seal_is_found(self, samples, file):
        """Without its seal a file is read in a process of its own, and its content has a checksum."""
        body = file.read_bytes()[:-47]
        file.write_bytes(body)
        xr.testing.assert_identical(SampleSet.load(file).dataset, samples.dataset)
        spins = body.index(samples.dataset.attrs["info"].encode()[:20])
        for place in (9, 40, spins, len(body) // 2, len(body) - 20):
            other = bytearray(body)
            other[place] ^= 0x11
            file.write_bytes(other)
            self.assert_refused_or_equal(samples, file)
        file.write_bytes(body[: len(body) // 2])
        with pytest.raises(InputError, match="a.nc is not a readable NetCDF sample set: .*remove it"):
            SampleSet.load(file)

    @staticmethod
    def assert_refused_or_equal(samples, file):
        try:
            again = SampleSet.load(file)
        except InputError as error:
            assert "a.nc is not a readable NetCDF sample set" in str(error)  # noqa: PT017
        else:
            xr.testing.assert_identical(again.dataset, samples.dataset)

    def test_copies_by_other_programs_load_and_changes_are_found(self, samples, file):
        with xr.open_dataset(file) as content:
            copy = content.load()
        copy.to_netcdf(file, engine="h5netcdf")
        xr.testing.assert_identical(SampleSet.load(file).dataset, samples.dataset)
        copy["energies"][0, 0, 0] += 1.0
        copy.to_netcdf(file, engine="h5netcdf")
        with pytest.raises(InputError, match="does not have the checksum that it was written with"):
            SampleSet.load(file)
        SampleSet(copy).save(file)  # as the message says
        assert float(SampleSet.load(file).energies[0, 0, 0]) == float(samples.energies[0, 0, 0]) + 1.0

    def test_samples_are_held_against_their_problem(self, samples, file, glass):
        assert SampleSet.load(file, glass).info == samples.info
        with pytest.raises(InputError, match=r"a.nc .*samples of another problem"):
            SampleSet.load(file, glass.scaled(2.0))
        energies = samples.energies.copy(deep=True)
        energies[1, 2, 3] += 1e-3
        SampleSet(samples.dataset.assign(energies=energies)).save(file)
        with pytest.raises(InputError, match="1 of 24 energies are not those of their spins"):
            SampleSet.load(file, glass)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda d: d.assign(spins=d["spins"] * np.int8(0)), r"spins must be -1 or \+1; got 0"),
            (lambda d: d.assign(spins=d["spins"].astype(float)), "spins must be int8"),
            (lambda d: d.assign(energies=d["energies"].astype(int)), "energies float64"),
            (lambda d: d.assign(energies=d["energies"][0]), "energies float64 with dims"),
            (lambda d: d.drop_vars("beta"), "no coordinate 'beta'"),
            (lambda d: d.assign_attrs(labels="[1]"), "names 1 spins and holds 10"),
            (lambda d: d.assign_attrs(labels='{"range": 1e300}'), "expected stored labels"),
            (lambda d: d.assign_attrs(labels="[" * 100_000), "no whole JSON"),
            (lambda d: d.assign_attrs(info="{"), "no whole JSON"),
            (lambda d: d.assign_attrs(info="[]"), "info of a sample set is a mapping"),
            (lambda d: d.assign_attrs(info="{}"), "tells no status"),
            (lambda d: d.drop_attrs(deep=False), "a sample set has variables|format"),
        ],
    )
    def test_content_of_others_is_checked(self, samples, tmp_path, change, message):
        plain = samples.dataset.assign_attrs(qspin=1)  # as files were before they had checksums
        change(plain).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        with pytest.raises(InputError, match=message):
            SampleSet.load(tmp_path / "a.nc")

    def test_files_of_earlier_versions_load(self, samples, tmp_path):
        samples.dataset.assign_attrs(qspin=1).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        assert SampleSet.load(tmp_path / "a.nc").info == samples.info

    def test_a_file_of_a_later_version_says_so(self, samples, tmp_path):
        samples.dataset.assign_attrs(qspin=4).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        with pytest.raises(InputError, match="it has format 4; this version reads 1 to 3"):
            SampleSet.load(tmp_path / "a.nc")

    def test_a_small_file_that_claims_much_is_refused(self, samples, tmp_path):
        import h5netcdf

        with h5netcdf.File(tmp_path / "a.nc", "w") as file:
            file.dimensions = {"beta": 1, "replica": 10**6, "draw": 1, "spin": 10**6}
            file.create_variable(
                "spins", ("beta", "replica", "draw", "spin"), "i1", chunks=(1, 1000, 1, 1000)
            )
            file.attrs["qspin"] = 1
        assert (tmp_path / "a.nc").stat().st_size < 50_000
        with pytest.raises(InputError, match="it claims 10000.* bytes of content, far more than"):
            SampleSet.load(tmp_path / "a.nc")

    def test_a_library_that_hangs_or_dies_is_survived(self, tmp_path, monkeypatch):
        """By a stand-in for h5netcdf, found by the process that tries the file."""
        (tmp_path / "h5netcdf.py").write_text(
            "import os\ndef File(path, mode):\n    if 'dies' in path.name: os.abort()\n    while True: pass\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        for name, number in (("hangs.nc", signal.SIGPROF), ("dies.nc", signal.SIGABRT)):
            (tmp_path / name).write_bytes(b"anything")
            with pytest.raises(InputError, match=rf"{name} .*took too long.*\(signal {number:d}\)"):
                SampleSet.load(tmp_path / name)

    def test_many_equal_spins_are_no_bomb(self, tmp_path):
        problem = IsingProblem.from_edges(1_000, [0], [1], [-1.0])
        samples = SampleSet.from_spins(problem, np.ones((1, 2, 50_000, 1_000), np.int8))
        samples.save(tmp_path / "a.nc")
        assert SampleSet.load(tmp_path / "a.nc").spins.shape == (1, 2, 50_000, 1_000)


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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: SampleSet.from_spins(p.to_bqm(), np.ones((1, 2, 1, 10))), "expected a qspin.IsingProblem"),
        (lambda p: SampleSet.from_spins(p, "spins"), "spins must be real numbers; got a str"),
        (lambda p: SampleSet.from_spins(p, np.ones((1, 2, 1, 10)), ["cold"]), "betas must be real numbers"),
        (lambda p: SampleSet.from_spins(p, np.ones((1, 2, 1, 10)), info={"a": {1}}), "plain JSON values"),
        (
            lambda p: SampleSet.from_spins(p, np.ones((1, 2, 1, 10)), info={"remarks": "x"}),
            "remarks are a list",
        ),
        (lambda p: SampleSet.from_spins(p, np.ones((1, 2, 1, 10)), info={"warnings": []}), "remarks=.Remark"),
        (lambda p: run_info(object(), 1, remarks=["careful"]), "made by qspin.sampler.Remark.*'careful'"),
        (
            lambda p: SampleSet.from_spins(p, np.ones((1, 2, 1, 10)), extra={"x": ("beta", [1, 2])}),
            "extra variables do not fit",
        ),
        (
            lambda p: SampleSet.from_dimod([1, -1], p),
            "expected a dimod.SampleSet of spins or bits; got a list",
        ),
        (
            lambda p: SampleSet.from_dimod(dimod.SampleSet.from_samples([{"a": 3}], "INTEGER", [0.0])),
            "got vartype Vartype.INTEGER",
        ),
        (
            lambda p: SampleSet.from_dimod(dimod.SampleSet.from_samples([{"a": 1}], "SPIN", [np.nan])),
            "energies that are not finite",
        ),
        (
            lambda p: SampleSet.from_dimod(
                dimod.SampleSet.from_samples([{"a": 1}], "SPIN", [0.0], num_occurrences=[-1])
            ),
            "integers from 0",
        ),
        (
            lambda p: SampleSet.from_dimod(
                dimod.SampleSet.from_samples([{"a": 1}], "SPIN", [0.0], num_occurrences=[2**60])
            ),
            "replicas.*GiB",
        ),
    ],
)
def test_what_is_given_is_checked_at_the_door(glass, make, message):
    with pytest.raises(InputError, match=message):
        make(glass)


@pytest.mark.parametrize("wrong", [3.0, np.nan])
def test_energies_that_a_dimod_sampler_believes_in(glass, wrong):
    """Of another problem, or of another sign: the spins are kept, and the reader is told."""
    spins = np.ones((2, glass.n_spins), np.int8)
    true = float(glass.energies(spins)[0])
    reported = dimod.SampleSet.from_samples((spins, list(glass.labels)), "SPIN", [true, wrong])
    samples = SampleSet.from_dimod(reported, glass, run_info(object(), 1))
    assert samples.energies.values.ravel().tolist() == [true, true]
    (remark,) = samples.remarks
    assert (remark.code, remark.level) == ("reported-energies", Level.SERIOUS)
    assert remark.text.startswith(
        "1 of 2 energies that the sampler reported are not those of its spins, the first"
    )
    single = dimod.SampleSet.from_samples((spins, list(glass.labels)), "SPIN", [np.float32(true)] * 2)
    assert SampleSet.from_dimod(single, glass, run_info(object(), 1)).remarks == []
