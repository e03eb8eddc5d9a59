"""``qspin export``: instance files of other formats, and circuits in OpenQASM 3 that other programs read."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

import qspin
from qspin.cli import app

PROBLEM = qspin.instances.sherrington_kirkpatrick(4, seed=2)
FIELDS = qspin.IsingProblem(PROBLEM.couplings, [0.4, -0.2, 0.1, 0.0])


@pytest.fixture
def instance(tmp_path):
    qspin.write_problem(FIELDS, tmp_path / "a.npz")
    return tmp_path / "a.npz"


def export(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def probabilities(circuit):
    from qiskit.quantum_info import Statevector

    return Statevector(circuit.remove_final_measurements(inplace=False)).probabilities()


class TestQasm:
    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {"depth": 2, "angles": "interp"},
            {"warm_start": "greedy"},
            {"coupling_map": "line", "basis_gates": ["cz", "rz", "sx", "x"]},
        ],
    )
    def test_the_circuit_is_read_back_as_it_was(self, instance, tmp_path, settings):
        pytest.importorskip("qiskit_qasm3_import", reason="reads OpenQASM 3 into Qiskit")
        from qiskit import qasm3

        given = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        done = export(instance, "--qasm", tmp_path / "a.qasm", "--seed", 3, *given)
        assert done.exit_code == 0, done.output
        assert done.output.startswith("circuit of qaoa for 4 spins, ")
        read = qasm3.loads((tmp_path / "a.qasm").read_text())
        own = qspin.get_backend("qaoa", **settings).circuit(FIELDS, seed=3)
        np.testing.assert_allclose(probabilities(read), probabilities(own), atol=1e-9)
        assert read.num_clbits == 4

    def test_it_is_plain_text_of_version_3(self, instance, tmp_path):
        export(instance, "--qasm", tmp_path / "a.qasm")
        lines = (tmp_path / "a.qasm").read_text().splitlines()
        assert lines[0] == "OPENQASM 3.0;"
        assert "bit[4] meas;" in lines


class TestInstances:
    def test_a_file_of_another_format(self, instance, tmp_path):
        done = export(instance, "-o", tmp_path / "a.coo", "--qasm", tmp_path / "a.qasm")
        assert done.exit_code == 0, done.output
        assert qspin.read_problem(tmp_path / "a.coo") == FIELDS
        assert (tmp_path / "a.qasm").is_file()

    def test_the_format_may_be_named(self, instance, tmp_path):
        assert export(instance, "-o", tmp_path / "a.txt", "--to", "coo").exit_code == 0
        assert qspin.read_problem(tmp_path / "a.txt", "coo") == FIELDS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to write: expected --qasm FILE, -o FILE, or both"),
        (["--qasm", "a.qasm", "--backend", "exact"], "backend 'exact' runs no circuits"),
        (["--qasm", "a.qasm", "--set", "dept=2"], "did you mean 'depth'"),
        (["--qasm", "."], "expected the name of a file"),
        (["-o", "a.nothing"], "nothing"),
    ],
)
def test_bad_input(instance, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = export(instance, *arguments)
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (tmp_path / "a.qasm").exists()
