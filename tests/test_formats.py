from __future__ import annotations

import dimod
import numpy as np
import pytest
from conftest import shared_instance
from dimod.serialization import coo as dimod_coo

from qspin import IsingProblem, instances, read_problem, write_problem
from qspin.errors import InputError, RunError

PLAIN = instances.edwards_anderson((3, 4), seed=2)
FIELDS = IsingProblem(PLAIN.couplings, np.linspace(-1, 1, 12))
FULL = IsingProblem(PLAIN.couplings, FIELDS.fields, 0.1, labels=[("x", k) for k in range(12)])


@pytest.mark.parametrize(
    ("problem", "name", "form"),
    [
        (PLAIN, "a.rudy", None),
        (PLAIN, "a.mc", None),
        (FIELDS, "a.coo", None),
        (FIELDS, "a.coo", "dimod-coo"),
        (FULL, "a.bqm", None),
        (FULL, "a.npz", None),
        (PLAIN, "G1", "rudy"),
        (IsingProblem(np.zeros((3, 3))), "a.rudy", None),
        (IsingProblem(np.zeros((3, 3))), "a.coo", None),
        (IsingProblem(np.zeros((0, 0)), offset=2.0), "a.npz", None),
    ],
)
def test_what_is_written_is_read_back(tmp_path, problem, name, form):
    write_problem(problem, tmp_path / name, form)
    again = read_problem(tmp_path / name, form)
    assert again == problem
    assert list(again.labels) == list(problem.labels)


def test_dimod_reads_our_coo_and_we_read_its(tmp_path):
    tiny = IsingProblem(FIELDS.couplings * 1e-9, FIELDS.fields)
    write_problem(tiny, tmp_path / "ours.coo", "dimod-coo")
    with open(tmp_path / "ours.coo") as file:
        assert dimod_coo.load(file) == tiny.to_bqm()
    bqm = dimod.BinaryQuadraticModel({0: 1.5, 7: -2.0}, {(0, 7): 0.25}, 0.0, "BINARY")
    with open(tmp_path / "theirs.coo", "w") as file:
        dimod_coo.dump(bqm, file, vartype_header=True)
    problem = read_problem(tmp_path / "theirs.coo")
    assert list(problem.labels) == [0, 7]
    for x in ([0, 0], [0, 1], [1, 0], [1, 1]):
        energy = bqm.energy(dict(zip([0, 7], x, strict=True)))
        assert float(problem.energies(2 * np.array(x) - 1)) == pytest.approx(energy)


def test_dimod_files(tmp_path):
    bqm = dimod.generators.gnp_random_bqm(5, 0.8, "SPIN", random_state=1)
    with bqm.to_file() as content:
        (tmp_path / "a.bqm").write_bytes(content.read())
    assert read_problem(tmp_path / "a.bqm").to_bqm() == bqm


def test_coo_conventions(tmp_path):
    (tmp_path / "a.coo").write_text("5\n# comment\n0 0 0.5\n0 1 -1\n1 0 -1\n")
    problem = read_problem(tmp_path / "a.coo")
    assert problem.n_spins == 5
    assert problem.fields.tolist() == [0.5, 0, 0, 0, 0]
    assert problem.edges.couplings.tolist() == [-2.0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.rudy", "", "empty; expected a first line 'n m'"),
        ("a.rudy", "3\n", "line 1: expected a first line 'n m'.*got '3'"),
        ("a.rudy", "3 2\n1 2 1\n", r"line 2: the file is cut short: its first line says 2 edges, 1 came"),
        ("a.rudy", "3 2\n1 2 1\n1\n", r"line 3: expected 'i j value', cut short\?; got '1'"),
        ("a.rudy", "3 1\n1 4 1\n", "line 2: expected vertices from 1 to 3; got '1 4 1'"),
        ("a.rudy", "3 1\n0 1 1\n", "line 2: expected vertices from 1 to 3"),
        ("a.rudy", "3 1\n2 2 1\n", "line 2: expected two different vertices"),
        ("a.rudy", "3 1\n1 2 x\n", "line 2: expected a number as the third value"),
        ("a.rudy", "3 1\n1 2 inf\n", "line 2: expected a finite value"),
        ("a.rudy", "3 1\na 2 1\n", "line 2: expected a spin number as an integer"),
        ("a.rudy", "3 1\n1 2 1\n2 3 1\n", "line 3: expected the end of the file after 1 edges"),
        ("a.coo", "", "empty; expected lines"),
        ("a.coo", "2\n0 1 1\n0 2 1\n", "line 3: expected spin numbers from 0 to 1"),
        ("a.coo", "0 1 1\n\n0 -1 1\n", "line 3: expected spin numbers from 0"),
        ("a.coo", "0 1\n", r"line 1: expected 'i j value', cut short\?"),
        ("a.coo", "# vartype=OTHER\n0 1 1\n", "line 1: expected '# vartype=SPIN'"),
        ("a.npz", "not a zip", "not a whole problem file"),
        ("a.bqm", "not a bqm", "not a whole dimod BQM file"),
        ("a.xyz", "0 1 1", "does not show in its suffix.*pass format="),
    ],
)
def test_broken_files_name_the_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_problem(tmp_path / name)


def test_cut_npz(tmp_path):
    write_problem(FULL, tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not a whole problem file"):
        read_problem(tmp_path / "a.npz")


def test_a_missing_file_and_a_binary_one(tmp_path):
    with pytest.raises(InputError, match="cannot read .*No such file"):
        read_problem(tmp_path / "missing.rudy")
    (tmp_path / "b.rudy").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match="not a text file"):
        read_problem(tmp_path / "b.rudy")


@pytest.mark.parametrize(
    ("problem", "name", "lost"),
    [
        (FIELDS, "a.rudy", "fields"),
        (FULL, "a.coo", "the offset and the labels"),
        (IsingProblem(PLAIN.couplings, offset=1.0), "a.rudy", "the offset"),
    ],
)
def test_what_a_format_would_lose_is_refused(tmp_path, problem, name, lost):
    with pytest.raises(InputError, match=f"cannot hold {lost}.*write .npz or .bqm"):
        write_problem(problem, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_unknown_format(tmp_path):
    with pytest.raises(InputError, match="no format 'rudi': did you mean 'rudy'"):
        write_problem(PLAIN, tmp_path / "a", "rudi")


def test_an_unwritable_folder_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not write"):
        write_problem(PLAIN, tmp_path / "file" / "a.rudy")


CUTS = {
    "G1.rudy": (800, 19176), "G11.rudy": (800, 1600), "G14.rudy": (800, 4694), "t3g5_5555.rudy": (125, 375),
    "t2g10_5555.rudy": (100, 200), "ising2.5-100_5555.rudy": (100, 4950),
    "torus2d_8x8_00000000.coo": (64, 128), "torus2d_8x8_00000001.coo": (64, 128),
    "torus2d_8x8_00000002.coo": (64, 128), "wishart_n50_alpha0.50_1.coo": (50, 1225),
}  # fmt: skip


@pytest.mark.parametrize("name", CUTS)
def test_public_instances_have_the_stated_size(name):
    problem = read_problem(shared_instance(name))
    assert (problem.n_spins, problem.n_couplings) == CUTS[name]
    assert not problem.fields.any()
