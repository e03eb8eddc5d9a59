from __future__ import annotations

import itertools
import math
import re
from fractions import Fraction

import dimod
import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from qspin import IsingProblem
from qspin.errors import InputError

LABELS = ["a", ("b", 2), 7, -1.5, (("nested",), "x"), "é"]


FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def problems(draw, values=FLOATS):
    n = draw(st.integers(0, 6))
    upper = np.zeros((n, n))
    for i, j in itertools.combinations(range(n), 2):
        upper[i, j] = draw(values)
    couplings = upper + upper.T
    if draw(st.booleans()):
        couplings = sparse.csr_array(couplings)
    fields = [draw(values) for _ in range(n)]
    labels = draw(st.sampled_from([None, LABELS[:n]]))
    return IsingProblem(couplings, fields, draw(values), labels)


def naive_energy(problem, spins):
    couplings = problem.toarray()
    energy = problem.offset + sum(h * s for h, s in zip(problem.fields, spins, strict=True))
    for i, j in itertools.combinations(range(problem.n_spins), 2):
        energy += couplings[i, j] * spins[i] * spins[j]
    return energy


class TestEnergies:
    @pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array, sparse.coo_matrix])
    def test_against_the_definition(self, glass, storage):
        problem = IsingProblem(storage(glass.toarray()), glass.fields, offset=0.25)
        spins = np.random.default_rng(0).choice([-1, 1], size=(3, 2, 10))
        expected = [[naive_energy(problem, s) for s in row] for row in spins]
        np.testing.assert_allclose(problem.energies(spins), expected, rtol=1e-13)

    def test_negative_coupling_is_ferromagnetic(self):
        pair = IsingProblem([[0, -1], [-1, 0]])
        assert pair.energies([1, 1]) < pair.energies([1, -1])

    def test_many_configurations_are_taken_in_chunks(self, glass, monkeypatch):
        spins = np.random.default_rng(0).choice([-1, 1], size=(50, 10))
        whole = glass.energies(spins)
        monkeypatch.setattr("qspin.energies._CHUNK_ELEMENTS", 70)
        np.testing.assert_allclose(glass.energies(spins), whole, rtol=1e-13)

    @pytest.mark.parametrize("n_spins", [200, 213])
    @pytest.mark.parametrize("size", [1.0, 0.3])
    def test_tables_of_groups_of_spins(self, n_spins, size):
        """So many configurations that tables are used, of groups that fill the matrix and that do not."""
        rng = np.random.default_rng(n_spins)
        upper = np.triu(rng.normal(size=(n_spins, n_spins)), 1)
        problem = IsingProblem(size * (upper + upper.T), rng.normal(size=n_spins), offset=2.0)
        spins = rng.choice(np.array([-1, 1], np.int8), size=(5_000, n_spins))
        floats = spins.astype(np.float64)
        expected = (
            0.5 * np.einsum("mi,mi->m", floats @ problem.couplings, floats) + floats @ problem.fields + 2
        )
        np.testing.assert_allclose(problem.energies(spins), expected, rtol=0, atol=1e-11)

    @pytest.mark.parametrize("fields", [None, np.linspace(-1, 1, 300)])
    @pytest.mark.parametrize("n_couplings", [1, 255, 1_500])
    def test_couplings_of_one_size_are_counted(self, fields, n_couplings):
        """Exactly, where there are no fields: an integer times the size."""
        rng = np.random.default_rng(n_couplings)
        pairs = np.argwhere(np.triu(np.ones((300, 300)), 1))[:: 44_850 // n_couplings]
        signs = rng.choice([-1, 1], len(pairs))
        problem = IsingProblem.from_edges(300, *pairs.T, 0.3 * signs, fields)
        spins = rng.choice(np.array([-1, 1], np.int8), size=(150, 300))
        sums = (spins[:, pairs[:, 0]].astype(int) * spins[:, pairs[:, 1]]) @ signs
        if fields is None:
            np.testing.assert_array_equal(problem.energies(spins), 0.3 * sums)
        else:
            np.testing.assert_allclose(
                problem.energies(spins), 0.3 * sums + spins @ fields, rtol=0, atol=1e-11
            )

    @pytest.mark.parametrize("n_configurations", [0, 2, 63, 64, 65, 130])
    def test_how_many_are_taken_at_once_decides_on_no_bit(self, glass, n_configurations):
        sparse_glass = IsingProblem(sparse.csr_array(glass.couplings), glass.fields)
        spins = np.random.default_rng(2).choice([-1, 1], (n_configurations, glass.n_spins))
        alone = [float(sparse_glass.energies(row)) for row in spins]
        np.testing.assert_array_equal(sparse_glass.energies(spins), alone)

    def test_binary_values_are_refused_with_the_remedy(self, glass):
        with pytest.raises(InputError, match=r"-1 or \+1; got 0; .* s = 2 x - 1"):
            glass.energies(np.zeros(10, int))

    def test_wrong_length(self, glass):
        with pytest.raises(InputError, match=r"shape \(\.\.\., 10\).*got shape \(9,\)"):
            glass.energies(np.ones(9))


class TestRoundTrips:
    @given(problems())
    def test_bqm(self, problem):
        again = IsingProblem.from_bqm(problem.to_bqm())
        assert again == problem
        assert list(again.labels) == list(problem.labels)

    @given(problems())
    def test_networkx(self, problem):
        again = IsingProblem.from_networkx(problem.to_networkx())
        assert again == problem
        assert list(again.labels) == list(problem.labels)

    @given(problems(values=st.integers(-(2**20), 2**20).map(lambda k: k / 16)))
    def test_qubo_is_exact_where_sums_are(self, problem):
        again = IsingProblem.from_qubo(*problem.to_qubo())
        assert again == problem
        assert list(again.labels) == list(problem.labels)

    @given(problems())
    def test_qubo_within_one_rounding(self, problem):
        again = IsingProblem.from_qubo(*problem.to_qubo())
        scale = np.abs(problem.toarray()).sum() + np.abs(problem.fields).sum() + abs(problem.offset) + 1e-300
        np.testing.assert_array_equal(again.toarray(), problem.toarray())
        np.testing.assert_allclose(again.fields, problem.fields, atol=4e-16 * scale, rtol=0)
        assert abs(again.offset - problem.offset) <= 4e-16 * scale

    @given(problems(values=st.floats(-10, 10)), st.integers(0, 63))
    def test_qubo_has_the_same_energies(self, problem, bits):
        qubo, offset = problem.to_qubo()
        binary = {label: (bits >> k) & 1 for k, label in enumerate(problem.labels)}
        spins = np.array([2 * x - 1 for x in binary.values()]).reshape(problem.n_spins)
        assert dimod.qubo_energy(binary, qubo, offset) == pytest.approx(
            float(problem.energies(spins)), abs=1e-9
        )

    def test_bqm_of_both_vartypes_has_the_same_energies(self):
        bqm = dimod.generators.gnp_random_bqm(6, 0.7, "BINARY", random_state=1)
        problem = IsingProblem.from_bqm(bqm)
        sample = dict.fromkeys(bqm.variables, 1)
        assert problem.energies(np.ones(6)) == pytest.approx(bqm.energy(sample))

    def test_couplings_of_strength_zero_are_kept(self):
        bqm = dimod.BinaryQuadraticModel({"a": 1.0}, {("a", "b"): 0.0}, 0.5, "SPIN")
        assert IsingProblem.from_bqm(bqm).to_bqm() == bqm

    def test_networkx_habits(self):
        graph = nx.MultiGraph([("a", "b"), ("a", "b", {"weight": 2.5})])
        graph.add_node("c", field=0.5)
        problem = IsingProblem.from_networkx(graph)
        assert problem.edges.couplings.tolist() == [3.5]
        assert problem.fields.tolist() == [0, 0, 0.5]


class TestIdentity:
    def test_dense_and_sparse_are_one_problem(self, glass):
        other = IsingProblem(sparse.csr_array(glass.toarray()), glass.fields)
        assert other == glass
        assert other.digest == glass.digest
        assert hash(other) == hash(glass)

    @pytest.mark.parametrize(
        "change",
        [
            {"fields": np.ones(10)},
            {"offset": 1.0},
            {"labels": "abcdefghij"},
            {"couplings": np.zeros((10, 10))},
        ],
    )
    def test_any_change_is_another_problem(self, glass, change):
        same = {"couplings": glass.couplings, "fields": glass.fields}
        assert IsingProblem(**{**same, **change}) != glass

    def test_it_cannot_be_changed(self, glass):
        with pytest.raises(ValueError, match="read-only"):
            glass.couplings[0, 1] = 3
        with pytest.raises(ValueError, match="read-only"):
            glass.fields[0] = 3

    def test_later_changes_of_the_input_do_not_reach_it(self):
        couplings, fields = np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2)
        problem = IsingProblem(couplings, fields)
        couplings[:], fields[:] = 9, 9
        assert problem.edges.couplings.tolist() == [1.0]
        assert problem.fields.tolist() == [0, 0]

    def test_rounding_of_the_two_halves_is_no_asymmetry(self):
        problem = IsingProblem([[0, 0.1 + 0.2], [0.3, 0]])
        assert problem.couplings[0, 1] == problem.couplings[1, 0]


@pytest.mark.parametrize("storage", [np.array, lambda m: sparse.csr_array(np.array(m, dtype=float))])
@pytest.mark.parametrize(
    ("couplings", "message"),
    [
        ([[0, 1, 0], [1, 0, 0]], r"square matrix \(N, N\); got shape \(2, 3\)"),
        ([[0, 1], [2, 0]], r"symmetric; J\[0, 1\] is 1 but J\[1, 0\] is 2.*J \+ J\.T"),
        ([[0, np.nan], [np.nan, 0]], r"finite; J\[0, 1\] is nan"),
        ([[0, np.inf], [np.inf, 0]], r"finite; J\[0, 1\] is inf"),
        ([[0, 1], [1, -3]], r"diagonal.*J\[1, 1\] is -3.*offset="),
    ],
)
def test_wrong_couplings(storage, couplings, message):
    with pytest.raises(InputError, match=message):
        IsingProblem(storage(couplings))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fields": [1.0]}, r"fields must have shape \(2,\).*got shape \(1,\)"),
        ({"fields": [1.0, np.nan]}, r"fields must be finite; h\[1\] is nan"),
        ({"fields": ["a", "b"]}, "fields must be real numbers"),
        ({"offset": np.inf}, "offset must be finite"),
        ({"labels": ["a"]}, "labels must name 2 spins; got 1"),
        ({"labels": ["a", "a"]}, "distinct; 'a' stands twice"),
        ({"labels": [[1], [2]]}, "labels must be hashable"),
        ({"couplings": np.array([[0, 1j], [1j, 0]])}, "real numbers; got an array of dtype complex"),
        ({"couplings": np.zeros(3)}, r"square matrix.*got shape \(3,\)"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        IsingProblem(**{"couplings": np.zeros((2, 2)), **arguments})


def test_graphs_that_are_no_ising_problems():
    with pytest.raises(InputError, match="directed"):
        IsingProblem.from_networkx(nx.DiGraph([(0, 1)]))
    with pytest.raises(InputError, match="node 3 has a self-loop"):
        IsingProblem.from_networkx(nx.Graph([(3, 3)]))


def test_edges_out_of_range():
    with pytest.raises(InputError, match="0 to 2; edge 1 joins 0 and 3"):
        IsingProblem.from_edges(3, [0, 0], [1, 3], [1.0, 1.0])


def test_qubo_keys_are_pairs():
    with pytest.raises(InputError, match="pairs of labels"):
        IsingProblem.from_qubo({"a": 1.0})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IsingProblem.from_edges(3, [0, 1], [1], [1.0]), r"vectors of one length.*\(2,\), \(1,\)"),
        (lambda: IsingProblem.from_edges(3, [0], [1], [1.0, 2.0]), "vectors of one length"),
        (lambda: IsingProblem.from_edges(3, [0.5], [1], [1.0]), "i must be integers"),
        (lambda: IsingProblem.from_edges(3, [0], [1], ["x"]), "couplings must be real numbers"),
        (lambda: IsingProblem.from_edges(3, [[0], [1, 2]], [1], [1]), "i must be an array of real numbers"),
        (lambda: IsingProblem.from_edges("3", [0], [1], [1.0]), "n_spins must be an integer; got '3'"),
        (lambda: IsingProblem.from_edges(-1, [], [], []), "n_spins must be at least 0"),
        (lambda: IsingProblem.from_edges(10**12, [0], [1], [1.0]), r"1000000000000 spins .*GiB"),
        (lambda: IsingProblem([[0, "a"], ["a", 0]]), "couplings must be real numbers"),
        (lambda: IsingProblem([[0, 1], [1]]), "couplings must be an array of real numbers"),
        (lambda: IsingProblem([[0.0]], fields=["a"]), "fields must be real numbers"),
        (lambda: IsingProblem([[0.0]], offset="1"), "offset must be one finite number"),
        (lambda: IsingProblem([[0.0]], labels=5), "labels must be a list"),
        (lambda: IsingProblem([[0.0]]).energies([["a"]]), "spins must be real numbers"),
        (lambda: IsingProblem([[0.0]]).scaled(math.nan), "factor must be finite; got nan"),
        (lambda: IsingProblem.from_bqm(dimod.CQM()), "expected a dimod.BinaryQuadraticModel; got a Constr"),
        (lambda: IsingProblem.from_bqm(np.eye(2)), "expected a dimod.BinaryQuadraticModel; got a ndarray"),
        (lambda: IsingProblem.from_qubo(np.eye(2)), "a QUBO is a mapping"),
        (lambda: IsingProblem.from_qubo({(0, 1): "1"}), r"Q\[0, 1\] must be one finite number; got '1'"),
        (lambda: IsingProblem.from_qubo({(0, 1): math.nan}), r"Q\[0, 1\] must be finite; got nan"),
        (
            lambda: IsingProblem.from_qubo({(0, 0): 1.0}, offset=None),
            "offset must be one finite number; got None",
        ),
        (lambda: IsingProblem.from_qubo({(0, 1): 1.7e308, (1, 0): 1.7e308}), "more than a float64 can hold"),
        (lambda: IsingProblem.from_networkx({0: [1]}), "expected a networkx graph; got a dict"),
        (
            lambda: IsingProblem.from_networkx(nx.Graph([(0, 1, {"weight": "heavy"})])),
            "'weight' of edge 0, 1 must be one finite number; got 'heavy'",
        ),
    ],
)
def test_what_is_given_is_checked_at_the_door(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_numbers_of_all_kinds_are_taken():
    problem = IsingProblem.from_edges(
        np.int64(3), np.array([0, 1], np.uint8), [1.0, 2.0], [Fraction(1, 2), 2], offset=np.float32(0.5)
    )
    assert problem.edges.couplings.tolist() == [0.5, 2.0]
    assert problem.offset == 0.5


class TestAsymmetricCouplings:
    """Two numbers that can be told apart, and advice that gives the problem that was meant."""

    RNG = np.random.default_rng(5)
    TRIANGLE = np.triu(RNG.normal(size=(6, 6)), 1)
    SYMMETRIC = TRIANGLE + TRIANGLE.T

    @pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
    @pytest.mark.parametrize("half", [TRIANGLE, TRIANGLE.T])
    def test_a_triangle(self, store, half):
        with pytest.raises(InputError, match=r"becomes symmetric by J \+ J\.T$"):
            IsingProblem(store(half))

    @pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
    @pytest.mark.parametrize("error", [1e-4, 1e-8, 1e-13])
    def test_two_nearly_equal_halves(self, store, error):
        nearly = self.SYMMETRIC * (1 + error * np.tri(6))
        with pytest.raises(InputError, match=r"by \(J \+ J\.T\) / 2$") as refused:
            IsingProblem(store(nearly))
        one, other = re.findall(r"is (-?[\d.e-]+)[. ]", str(refused.value).split(" Two ")[0] + " ")
        assert one.rstrip(".") != other.rstrip(".")
        np.testing.assert_allclose((nearly + nearly.T) / 2, self.SYMMETRIC, rtol=error)

    def test_two_different_halves(self):
        with pytest.raises(
            InputError, match=r"J\[0, 1\] is 1 but J\[1, 0\] is 2\. If .*one of them is wrong"
        ):
            IsingProblem([[0, 1], [2, 0]])
