"""Samples from elsewhere: files of qspin, of dimod, and counts of bit strings."""

from __future__ import annotations

import json
import subprocess
import sys

import dimod
import numpy as np
import pytest

import qspin
from qspin import IsingProblem, SampleSet
from qspin.errors import CapacityError, InputError
from qspin.experiment import RunFolder, load_config, run_experiment
from qspin.registry import get_measure
from qspin.remarks import Level
from qspin.sampler import deciding_settings, is_paid, offers
from qspin.sampling import check_samples

LABELLED = IsingProblem.from_edges(3, [0, 1], [1, 2], [-1.0, 0.5], fields=[0.1, 0, 2], labels=["a", "b", 7])


def given(path, **settings):
    return qspin.get_backend("samples", path=path, **settings)


def codes(samples):
    return [remark.code for remark in samples.remarks]


@pytest.fixture
def counts(tmp_path):
    def write(content):
        file = tmp_path / "counts.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    return write


@pytest.fixture
def tempered(glass, tmp_path):
    """Samples of tempering, and their file."""
    sampler = qspin.get_backend("tempering", betas=[0.5, 1.0], n_replicas=4, n_burn_in=10, n_sweeps=50)
    samples = sampler.sample(glass, seed=1)
    samples.save(tmp_path / "mine.nc")
    return samples, tmp_path / "mine.nc"


class TestOfQspin:
    def test_everything_comes_back(self, glass, tempered):
        theirs, file = tempered
        ours = given(file).sample(glass, seed=3)
        check_samples(ours, glass)
        for name in theirs.dataset.variables:
            np.testing.assert_array_equal(ours.dataset[name].values, theirs.dataset[name].values)
        assert ours.info["given"]["info"] == theirs.info
        assert ours.info["backend"] == "samples"
        assert ours.info["headline"] == "netcdf file mine.nc"
        assert codes(ours) == [*codes(theirs), "read-from-file"]
        assert ours.remarks[-1].level == Level.NOTE
        assert offers(given(file)) == {"thermostat", "ladder", "replicas", "draws", "spins"}
        assert not is_paid(given(file))

    def test_energies_are_those_of_the_problem(self, glass, tempered, tmp_path):
        samples, _ = tempered
        lying = SampleSet(samples.dataset.assign(energies=samples.energies + 1.0))
        lying.save(tmp_path / "lying.nc")
        ours = given(tmp_path / "lying.nc").sample(glass)
        np.testing.assert_array_equal(ours.energies.values, samples.energies.values)

    def test_averages_are_told_apart_from_spins(self, glass, tmp_path):
        sampler = qspin.get_backend(
            "tempering", betas=[0.5], n_replicas=4, n_burn_in=10, n_sweeps=50, store="statistics"
        )
        samples = sampler.sample(glass, seed=1)
        samples.save(tmp_path / "a.nc")
        assert offers(given(tmp_path / "a.nc")) == {"thermostat", "replicas"}
        ours = given(tmp_path / "a.nc").sample(glass)
        assert ours.has_averages
        np.testing.assert_array_equal(ours.dataset["spin_mean"], samples.dataset["spin_mean"])

    def test_of_another_problem(self, glass, tempered):
        _, file = tempered
        other = IsingProblem(glass.couplings, glass.fields + 1, glass.offset, glass.labels)
        for ask in (lambda s: s.check(other), lambda s: s.sample(other, seed=1)):
            with pytest.raises(InputError, match=r"mine.nc holds samples of another problem: its digest is"):
                ask(given(file))
        with pytest.raises(InputError, match="10 spins with other labels than the 3 of the problem"):
            given(file).check(LABELLED)

    def test_unfinished_samples_say_so_and_end_no_run(self, glass, tempered, tmp_path):
        samples, _ = tempered
        info = {**samples.info, "status": "interrupted"}
        SampleSet(samples.dataset.assign_attrs(info=json.dumps(info))).save(tmp_path / "part.nc")
        ours = given(tmp_path / "part.nc").sample(glass)
        assert ours.info["status"] == "complete"
        (remark,) = (remark for remark in ours.remarks if remark.code == "given-unfinished")
        assert remark.level == Level.SERIOUS
        assert "did not reach its end" in remark.text

    def test_betas_of_hardware_may_be_given_and_are_not_tested(self, glass, tmp_path):
        qspin.get_backend("ocean", n_reads=5).sample(glass, seed=1).save(tmp_path / "reads.nc")
        plain = given(tmp_path / "reads.nc")
        assert offers(plain) == {"replicas", "spins"}
        assert np.isnan(plain.sample(glass).betas).all()
        thermal = given(tmp_path / "reads.nc", betas={"temperatures": [2.0]})
        assert offers(thermal) == {"thermostat", "replicas", "spins"}
        samples = thermal.sample(glass)
        assert samples.betas.tolist() == [0.5]
        assert "betas-given" in codes(samples)
        with pytest.raises(InputError, match="holds 1 rows of samples and betas has 2"):
            given(tmp_path / "reads.nc", betas=[0.1, 0.2]).check(glass)

    def test_betas_are_not_given_twice(self, glass, tempered):
        with pytest.raises(InputError, match=r"has betas of its own, \[0.5, 1.0\]: leave betas out"):
            given(tempered[1], betas=[1.0, 2.0]).check(glass)

    def test_settings_of_bits_have_no_place(self, glass, tempered):
        with pytest.raises(InputError, match="is a file of qspin, which names its spins: leave bit_order"):
            given(tempered[1], one=1).check(glass)


class TestOfDimod:
    def write(self, tmp_path, sampleset):
        file = tmp_path / "reads.json"
        file.write_text(json.dumps(sampleset.to_serializable()))
        return file

    @pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
    def test_reads_by_name_in_any_order(self, tmp_path, vartype):
        rows = np.array([[1, 1, 0], [0, 1, 1]])
        values = rows if vartype == "BINARY" else 2 * rows - 1
        bqm = LABELLED.to_bqm().change_vartype(vartype, inplace=False)
        order = [7, "b", "a"]
        reads = dimod.SampleSet.from_samples_bqm((values, order), bqm)
        file = self.write(tmp_path, dimod.append_data_vectors(reads, mine=[1, 2]))
        samples = given(file).sample(LABELLED, seed=1)
        np.testing.assert_array_equal(samples.spins.values[0, :, 0], (2 * rows - 1)[:, ::-1])
        np.testing.assert_allclose(samples.energies.values.ravel(), reads.record.energy)
        assert codes(samples) == ["read-from-file"]
        assert offers(given(file)) == {"replicas", "spins"}

    def test_repeated_reads_are_replicas(self, tmp_path):
        reads = dimod.SampleSet.from_samples(
            (np.ones((2, 3)), ["a", "b", 7]), "SPIN", [0.0, 0.0], num_occurrences=[2, 3]
        )
        samples = given(self.write(tmp_path, reads)).sample(LABELLED)
        assert samples.spins.shape == (1, 5, 1, 3)

    def test_another_sign_is_told(self, tmp_path):
        spins = np.array([[1, -1, 1], [1, 1, 1]])
        reads = dimod.SampleSet.from_samples((spins, ["a", "b", 7]), "SPIN", -LABELLED.energies(spins))
        samples = given(self.write(tmp_path, reads)).sample(LABELLED)
        (remark, _) = samples.remarks
        assert (remark.code, remark.level) == ("reported-energies", Level.SERIOUS)

    def test_ours_return_to_their_places(self, glass, tempered, tmp_path):
        samples, _ = tempered
        file = self.write(tmp_path, samples.to_dimod())
        ours = given(file).sample(glass)
        np.testing.assert_array_equal(ours.spins.values, samples.spins.values)
        assert ours.betas.tolist() == samples.betas.tolist()
        assert offers(given(file)) == {"thermostat", "ladder", "replicas", "draws", "spins"}

    def test_energies_that_are_none_cost_nothing(self, tmp_path):
        reads = dimod.SampleSet.from_samples((np.ones((2, 3)), ["a", "b", 7]), "SPIN", [np.nan, np.nan])
        file = self.write(tmp_path, reads)
        assert offers(given(file)) == {"replicas", "spins"}
        assert "reported-energies" in codes(given(file).sample(LABELLED))

    def test_other_variables(self, glass, tmp_path):
        reads = dimod.SampleSet.from_samples((np.ones((2, 3)), ["a", "b", 7]), "SPIN", [0, 0])
        with pytest.raises(InputError, match=r"reads.json does not fit the problem: .*other variables"):
            given(self.write(tmp_path, reads)).check(glass)

    @pytest.mark.parametrize(
        "change",
        [
            {"sample_data": 3},
            {"variable_type": "INT"},
            {"num_variables": 10**12},
            {"sample_data": {"type": "array", "data": [[1]], "data_type": "O", "shape": [9, 9]}},
            {"vectors": {}},
        ],
    )
    def test_damage(self, tmp_path, change):
        reads = dimod.SampleSet.from_samples((np.ones((2, 3)), ["a", "b", 7]), "SPIN", [0, 0])
        file = tmp_path / "reads.json"
        file.write_text(json.dumps({**reads.to_serializable(), **change}))
        with pytest.raises(InputError, match="reads.json"):
            given(file).check(LABELLED)


class TestOfCounts:
    def test_the_leftmost_bit_is_the_first_spin_and_one_is_up(self, counts):
        samples = given(counts({"110": 2, "001": 1})).sample(LABELLED, seed=1)
        assert samples.spins.values[0, :, 0].tolist() == [[1, 1, -1], [1, 1, -1], [-1, -1, 1]]
        assert samples.info["given"]["one"] == 1
        assert np.isnan(samples.betas).all()

    @pytest.mark.parametrize(("one", "sign"), [(1, 1), (-1, -1)])
    def test_qiskit_counts_from_the_right(self, counts, one, sign):
        """As Qiskit itself has it: the string of a circuit that flips its first qubit ends in 1."""
        qiskit = pytest.importorskip("qiskit")
        from qiskit_aer import AerSimulator

        circuit = qiskit.QuantumCircuit(3, 3)
        circuit.x(0)
        circuit.measure(range(3), range(3))
        found = AerSimulator().run(circuit, shots=4).result().get_counts()
        samples = given(counts(found), bit_order="qiskit", one=one).sample(LABELLED)
        assert samples.spins.values[0, :, 0].tolist() == 4 * [[sign, -sign, -sign]]

    def test_the_sign_of_qiskits_bits_has_to_be_said(self, counts):
        with pytest.raises(InputError, match="bit_order 'qiskit' needs one.*-1 where spins are Pauli Z"):
            given(counts({"110": 2}), bit_order="qiskit")

    def test_shots_of_a_circuit_are_those_of_our_own_backend(self, counts):
        """Counts of the circuit of QAOA, run without us, are samples of the same distribution."""
        pytest.importorskip("qiskit_aer")
        from qiskit_aer import AerSimulator

        problem = IsingProblem(np.zeros((2, 2)), fields=[1.5, -0.7], labels=["x", "y"])
        sampler = qspin.get_backend("qaoa", n_shots=4_000)
        circuit = sampler.circuit(problem, seed=1)
        found = AerSimulator(seed_simulator=5).run(circuit, shots=4_000).result().get_counts()
        theirs = given(counts(found), bit_order="qiskit", one=-1).sample(problem)
        ours = sampler.sample(problem, seed=1)
        for k in range(2):
            a, b = (s.spins.values[0, :, 0, k].mean() for s in (ours, theirs))
            assert abs(a - b) < 4 * np.sqrt(2 / 4_000)
        assert abs(ours.spins.values.mean(axis=(0, 1, 2))).min() > 0.2  # so that a wrong sign would show

    def test_labels_name_the_bits(self, counts):
        samples = given(counts({"110": 1}), labels=[7, "a", "b"]).sample(LABELLED)
        assert samples.spins.values[0, 0, 0].tolist() == [1, -1, 1]
        as_text = given(counts({"110": 1}), labels=["7", "a", "b"]).sample(LABELLED)
        assert as_text.spins.values[0, 0, 0].tolist() == [1, -1, 1]
        for labels, message in (
            (["a", "b"], "each of the 3 spins once"),
            (["a", "b", "c"], "no place for 7"),
        ):
            with pytest.raises(InputError, match=message):
                given(counts({"110": 1}), labels=labels).check(LABELLED)

    def test_spaces_of_registers_are_left_out(self, counts):
        samples = given(counts({"1 10": 1, "110": 2})).sample(LABELLED)
        assert samples.spins.sizes["replica"] == 3

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({"11": 1}, "strings of 2 bits; the problem has 3 spins"),
            ({"110": 1, "11": 1}, r"different lengths: \[2, 3\] bits"),
            ({"0x3": 1}, "counts bit strings, such as 0101; got '0x3'"),
            ({"110": -1}, "integers from 0; got -1 of '110'"),
            ({"110": 1.5}, "integers from 0; got 1.5"),
            ({"110": True}, "integers from 0; got True"),
            ({"110": 0}, "no reads: all counts are 0"),
            ({}, "holds no counts; expected JSON such as"),
            ([1, 2], r"holds no counts; .* got \[1, 2\]"),
            ("{", "neither NetCDF nor JSON; expected samples as netcdf, dimod, counts"),
        ],
    )
    def test_what_is_none(self, counts, content, message):
        with pytest.raises(InputError, match=f"counts.json .*{message}"):
            given(counts(content)).check(LABELLED)

    def test_more_reads_than_fit(self, counts):
        with pytest.raises(CapacityError):
            given(counts({"110": 10**18})).check(LABELLED)


class TestFile:
    def test_a_format_that_was_said_is_held(self, glass, tempered, counts):
        with pytest.raises(InputError, match=r"mine.nc it is no whole JSON"):
            given(tempered[1], format="counts").check(glass)
        with pytest.raises(InputError, match=r"counts.json is no dimod sample set"):
            given(counts({"110": 1}), format="dimod").check(LABELLED)
        with pytest.raises(InputError, match=r"counts.json is not a readable NetCDF"):
            given(counts({"110": 1}), format="netcdf").check(LABELLED)

    def test_no_file_offers_nothing_that_is_known(self, tmp_path, glass):
        sampler = given(tmp_path / "none.nc")
        assert offers(sampler) is None
        with pytest.raises(InputError, match="no file at .*none.nc can be read"):
            sampler.check(glass)

    def test_what_it_holds_decides_not_where_it_lies(self, glass, tempered, tmp_path):
        _, file = tempered
        before = deciding_settings(given(file))
        moved = file.rename(tmp_path / "moved.nc")
        assert deciding_settings(given(moved)) == before

    def test_a_file_that_changes_under_a_setting_is_refused(self, counts):
        sampler = given(counts({"110": 1}))
        counts({"111": 1})
        with pytest.raises(InputError, match="has changed since this setting was given"):
            sampler.check(LABELLED)

    def test_it_needs_a_path(self):
        with pytest.raises(InputError, match="samples: path: is missing"):
            qspin.get_backend("samples")


class TestInARun:
    def test_a_config_holds_them_against_our_own(self, tmp_path, counts):
        """One file a point of the sweep, by paths from the folder of the config."""
        problem = qspin.instances.sherrington_kirkpatrick(6, seed=3)
        exact = qspin.get_backend("exact", betas=[0.5, 1.0], n_replicas=50)
        for seed in (1, 2):
            exact.sample(problem, seed=seed).save(tmp_path / f"{seed}.nc")
        (tmp_path / "run.yaml").write_text(
            "schema: 2\nname: given\n"
            "problems: {glass: {kind: sherrington_kirkpatrick, n_spins: 6, seed: 3}}\n"
            "backends:\n"
            "  mine: {kind: samples, path: 1.nc}\n"
            "  exact: {name: exact, betas: [0.5, 1.0], n_replicas: 50}\n"
            "sweep: {backends.mine.path: [1.nc, 2.nc]}\n"
            "studies: {overlaps: {}}\n"
        )
        config = load_config(tmp_path / "run.yaml")
        folder = run_experiment(config, RunFolder(tmp_path / "run"))
        assert folder.is_finished
        stored = [folder.samples("glass", "mine", {"path": f"{seed}.nc"}) for seed in (1, 2)]
        for seed, samples in zip((1, 2), stored, strict=True):
            expected = exact.sample(problem, seed=seed)
            np.testing.assert_array_equal(samples.spins.values, expected.spins.values)

    def test_another_problem_is_refused_before_anything_starts(self, tmp_path, tempered):
        (tmp_path / "run.yaml").write_text(
            "schema: 2\nname: given\n"
            "problems: {glass: {kind: sherrington_kirkpatrick, n_spins: 6, seed: 3}}\n"
            "backends: {mine: {kind: samples, path: mine.nc}}\n"
        )
        with pytest.raises(InputError, match="10 spins with other labels than the 6 of the problem"):
            run_experiment(load_config(tmp_path / "run.yaml"), RunFolder(tmp_path / "run"))

    def test_the_command_line_takes_them(self, tmp_path, counts):
        qspin.write_problem(IsingProblem(np.zeros((3, 3)), fields=[1.0, 0.0, 0.0]), tmp_path / "p.npz")
        counts({"110": 2, "001": 1})
        command = ["sample", "p.npz", "--backend", "samples", "--set", "path=counts.json", "-o", "o.nc"]
        done = subprocess.run(
            [sys.executable, "-m", "qspin", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert "note: the samples were read from a file" in done.stderr
        assert SampleSet.load(tmp_path / "o.nc").best.energy == -1.0


def test_replicas_that_stopped_at_an_energy_stay_known_as_such(tmp_path):
    problem = qspin.instances.edwards_anderson((3, 3), seed=1)
    stopping = qspin.get_backend(
        "tempering", betas=[0.3, 1.0], n_replicas=4, n_burn_in=0, n_sweeps=50, target_energy=-4.0
    )
    stopped = stopping.sample(problem, seed=1)
    stopped.save(tmp_path / "stopped.nc")
    given = qspin.get_backend("samples", path=str(tmp_path / "stopped.nc"))
    assert given.offers == stopping.offers
    read = given.sample(problem)
    assert read.info["target"] == stopped.info["target"]
    lowest = get_measure("lowest_energies").measure(read, problem)
    np.testing.assert_array_equal(lowest["sweeps"], stopped.dataset["sweeps_to_target"])
    assert np.isnan(get_measure("overlap_curve").measure(read, problem)["beta"]).all()
