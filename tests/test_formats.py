from __future__ import annotations

import gzip
import itertools

import dimod
import numpy as np
import pytest
import scipy.io
from conftest import shared_instance
from dimod.serialization import coo as dimod_coo
from scipy import sparse

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


COMMENTED = [
    "# a problem of mine\n# vartype=BINARY\n",
    "\n\n# vartype=BINARY\n",
    "  # with vartype:BINARY, by hand\n",
    "# vartype=SPIN\n",
    "# a\n\n# vartype=SPIN\n# vartype=SPIN\n",
]


@pytest.mark.parametrize("head", COMMENTED)
def test_coo_headers_count_wherever_dimod_reads_them(tmp_path, head):
    text = head + "0 0 1.5\n0 3 -2\n# a comment between\n3 5 0.25\n5 0 1\n"
    (tmp_path / "a.coo").write_text(text)
    problem, bqm = read_problem(tmp_path / "a.coo"), dimod_coo.loads(text)
    assert list(problem.labels) == sorted(bqm.variables)
    for spins in itertools.product([-1, 1], repeat=3):
        values = [(s + 1) // 2 for s in spins] if bqm.vartype is dimod.BINARY else spins
        energy = bqm.energy(dict(zip(problem.labels, values, strict=True)))
        assert float(problem.energies(spins)) == pytest.approx(energy)


def test_a_header_at_the_end_counts_as_in_dimod(tmp_path):
    text = "0 1 1\n# vartype=BINARY\n"
    (tmp_path / "a.coo").write_text(text)
    assert read_problem(tmp_path / "a.coo") == IsingProblem.from_bqm(dimod_coo.loads(text))


def test_coo_headers_that_contradict(tmp_path):
    (tmp_path / "a.coo").write_text("# vartype=SPIN\n0 1 1\n# vartype=BINARY\n")
    with pytest.raises(InputError, match="line 3: says vartype=BINARY, but SPIN stands above"):
        read_problem(tmp_path / "a.coo")
    (tmp_path / "b.coo").write_text("# one\n# vartype=BINARY\n0 1 1\n")
    with pytest.raises(InputError, match="says vartype=BINARY, so it is no plain COO file"):
        read_problem(tmp_path / "b.coo", "coo")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("labels", [None, [("a", k) for k in range(7)], list("gfedcba")])
def test_bqm_files_are_read_as_dimod_reads_them(tmp_path, version, vartype, labels):
    bqm = dimod.generators.gnp_random_bqm(7, 0.6, vartype, random_state=version)
    bqm.offset = 0.3
    bqm.relabel_variables(dict(enumerate(labels or range(7))))
    with bqm.to_file(version=version) as file:
        content = file.read()
    (tmp_path / "a.bqm").write_bytes(content)
    theirs = IsingProblem.from_bqm(dimod.BinaryQuadraticModel.from_file(content))
    assert read_problem(tmp_path / "a.bqm") == theirs
    single = dimod.BinaryQuadraticModel(bqm, dtype=np.float32)
    with single.to_file(version=version) as file:
        (tmp_path / "b.bqm").write_bytes(file.read())
    np.testing.assert_allclose(read_problem(tmp_path / "b.bqm").toarray(), theirs.toarray(), rtol=1e-6)


def test_empty_bqm_files(tmp_path):
    for vartype in ("SPIN", "BINARY"):
        with dimod.BinaryQuadraticModel(vartype).to_file() as file:
            (tmp_path / "a.bqm").write_bytes(file.read())
        assert read_problem(tmp_path / "a.bqm").n_spins == 0


@pytest.mark.parametrize("name", ["a.rudy", "a.coo", "a.npz", "a.bqm"])
def test_packed_files_and_byte_order_marks(tmp_path, name):
    write_problem(PLAIN, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content[:60]) + gzip.compress(content[60:]))
    assert read_problem(tmp_path / f"{name}.gz") == PLAIN
    if name in ("a.rudy", "a.coo"):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
        assert read_problem(tmp_path / name) == PLAIN
        (tmp_path / name).write_bytes(content.decode().encode("utf-16"))
        with pytest.raises(InputError, match="not a text file in UTF-8"):
            read_problem(tmp_path / name)


def test_qbsolv_files(tmp_path):
    text = "c by hand\np qubo 0 9 2 2\n0 0 1.5\n4 4 -1\nc couplers\n0 4 2\n4 7 -3\n"
    for name in ("a.qubo", "a.qs"):
        (tmp_path / name).write_text(text)
        problem = read_problem(tmp_path / name)
        assert list(problem.labels) == [0, 4, 7]
        for x in itertools.product([0, 1], repeat=3):
            energy = 1.5 * x[0] - x[1] + 2 * x[0] * x[1] - 3 * x[1] * x[2]
            assert float(problem.energies(2 * np.array(x) - 1)) == pytest.approx(energy)
    with pytest.raises(InputError, match="qspin reads qbsolv files but writes none; write one of rudy"):
        write_problem(PLAIN, tmp_path / "b.qubo")


@pytest.mark.parametrize("layout", [sparse.coo_array, np.asarray])
@pytest.mark.parametrize("symmetry", ["symmetric", "general"])
def test_matrix_market_files_are_read_as_scipy_writes_them(tmp_path, layout, symmetry):
    scipy.io.mmwrite(tmp_path / "a.mtx", layout(PLAIN.toarray()), symmetry=symmetry, precision=17)
    assert read_problem(tmp_path / "a.mtx") == PLAIN


def test_matrix_market_patterns_weigh_one(tmp_path):
    graph = sparse.coo_array(np.triu(np.ones((4, 4)), 1) + np.tril(np.ones((4, 4)), -1))
    scipy.io.mmwrite(tmp_path / "a.mtx", graph, field="pattern", symmetry="symmetric")
    assert read_problem(tmp_path / "a.mtx").edges.couplings.tolist() == [1.0] * 6


def test_matrices_of_numpy_and_csv(tmp_path):
    np.save(tmp_path / "a.npy", PLAIN.toarray())
    assert read_problem(tmp_path / "a.npy") == PLAIN
    np.save(tmp_path / "b.npy", np.asfortranarray(PLAIN.toarray()))
    assert read_problem(tmp_path / "b.npy") == PLAIN
    np.savetxt(tmp_path / "a.csv", PLAIN.toarray(), delimiter=",", fmt="%.17g")
    assert read_problem(tmp_path / "a.csv") == PLAIN


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
        ("a.rudy", "-3 0\n", "line 1: expected a first line 'n m', numbers of"),
        ("a.qubo", "0 0 1\n", "line 1: expected a line 'p qubo 0 maxNodes nNodes nCouplers'"),
        ("a.qubo", "p qubo 0 3 1 1\n0 0 1\n", "says 1 nodes and 1 couplers, 1 and 0 came"),
        ("a.qubo", "p qubo 0 3 0 1\n0 3 1\n", "line 2: expected node numbers from 0 to 2"),
        ("a.qubo", "p qubo 0 3 0 2\n0 1 1\n0 1 1\n", "line 3: expected each node and each coupler once"),
        ("a.qubo", "p qubo 1 3 0 0\n", "without constraints"),
        ("a.mtx", "3 3 1\n1 2 1\n", "line 1: expected '%%MatrixMarket"),
        ("a.mtx", "%%MatrixMarket matrix coordinate complex general\n1 1 0\n", "line 1: expected '%%Matrix"),
        ("a.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 2 1\n", "is not symmetric: 1 at"),
        (
            "a.mtx",
            "%%MatrixMarket matrix coordinate real symmetric\n2 2 1\n2 2 5\n",
            "have no diagonal.*fields",
        ),
        ("a.mtx", "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n2 1 1\n", "2 entries, 1 came"),
        ("a.mtx", "%%MatrixMarket matrix coordinate real symmetric\n2 3 0\n", "size of a square matrix"),
        ("a.csv", "0,1,2.5\n1,2,0.5\n", "square matrix.*write a list of couplings as .coo"),
        ("a.csv", "0,1\n2,0\n", "a.csv: couplings must be symmetric"),
        ("a.npy", "text", "a.npy: it is no whole .npy file"),
        ("a.xyz", "0 1 1", "does not show in its suffix.*pass format="),
    ],
)
def test_broken_files_name_the_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_problem(tmp_path / name)


def test_npz_of_others(tmp_path):
    np.savez(tmp_path / "a.npz", J=np.zeros((2, 2)), h=np.zeros(2))
    with pytest.raises(InputError, match=r"no problem file of qspin: .* the arrays 'J', 'h'.*IsingProblem"):
        read_problem(tmp_path / "a.npz")
    sparse.save_npz(tmp_path / "b.npz", sparse.csr_array(np.zeros((2, 2))))
    with pytest.raises(InputError, match=r"no problem file of qspin.*scipy.sparse.load_npz"):
        read_problem(tmp_path / "b.npz")


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
