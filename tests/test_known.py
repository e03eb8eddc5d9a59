"""What generators know of a problem goes with it, and is no part of what the problem is."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import qspin
from qspin import IsingProblem
from qspin.errors import InputError
from qspin.known import layers_of
from qspin.networks import twin_from_weights
from qspin.spectrum import without_offset

PAIR = IsingProblem([[0, -1], [-1, 0]], offset=0.5)
STATES = [[1, 1], [-1, -1]]
LOGICAL = IsingProblem([[0.0]], fields=[1.0]).with_known(ground_states=[[-1]])
WHOLE = PAIR.with_known(ground_states=STATES, groups={"both": [1, 0]}, patterns=[[1, -1]], logical=LOGICAL)


def assert_same(known, other):
    for name in ("ground_states", "patterns"):
        np.testing.assert_array_equal(getattr(known, name), getattr(other, name))
        assert not getattr(known, name).flags.writeable
    assert known.ground_energy == other.ground_energy
    assert list(known.groups) == list(other.groups)
    for name, spins in known.groups.items():
        np.testing.assert_array_equal(spins, other.groups[name])
        assert not spins.flags.writeable
    assert known.logical == other.logical
    assert known.logical.known.ground_energy == other.logical.known.ground_energy


class TestWithKnown:
    def test_it_is_no_part_of_the_problem(self):
        assert PAIR.known is None
        assert WHOLE == PAIR
        assert (WHOLE.digest, hash(WHOLE)) == (PAIR.digest, hash(PAIR))
        assert PAIR.known is None

    def test_the_energy_of_ground_states_is_theirs(self):
        assert WHOLE.known.ground_energy == -0.5
        assert (WHOLE.known.ground_states.dtype, WHOLE.known.patterns.dtype) == (np.int8, np.int8)

    def test_facts_are_added(self):
        problem = PAIR.with_known(ground_energy=-0.5).with_known(groups={"a": [True, False]})
        assert problem.known.ground_energy == -0.5
        assert problem.known.groups["a"].tolist() == [0]
        assert problem.with_known(ground_energy=None, groups=None).known is None

    def test_it_is_a_copy_that_nobody_writes_to(self):
        states, groups = np.array(STATES), {"a": np.array([0])}
        known = PAIR.with_known(ground_states=states, groups=groups).known
        states[:], groups["a"][:], groups["b"] = 0, 1, np.array([1])
        assert known.ground_states.tolist() == STATES
        assert {name: spins.tolist() for name, spins in known.groups.items()} == {"a": [0]}
        with pytest.raises(TypeError):
            known.groups["b"] = np.array([1])
        with pytest.raises(ValueError, match="read-only"):
            known.groups["a"][0] = 1
        with pytest.raises(AttributeError):
            PAIR.known = known

    @pytest.mark.parametrize(
        ("facts", "message"),
        [
            ({"ground_energy": float("nan")}, "ground_energy must be finite"),
            ({"ground_states": [1, 1]}, r"ground_states must have shape \(n, 2\).*got \(2,\)"),
            ({"ground_states": [[1, 0]]}, r"spins must be -1 or \+1; got 0"),
            ({"ground_states": [[1, 1], [1, -1]]}, "all have the ground energy, -0.5; one has energy 1.5"),
            ({"ground_states": STATES, "ground_energy": -0.6}, "energy, -0.6; one has energy -0.5"),
            ({"patterns": [[1, 1, 1]]}, r"patterns must have shape \(n, 2\)"),
            ({"groups": [[0]]}, "groups must be a mapping"),
            ({"groups": {1: [0]}}, "names of groups are text; got 1"),
            ({"groups": {"a": [2]}}, "group 'a' must hold positions of spins, 0 to 1; got 2"),
            ({"groups": {"a": [0, 0]}}, "group 'a' holds position 0 twice"),
            ({"groups": {"a": []}}, "group 'a' is empty"),
            ({"logical": LOGICAL}, "logical must be a problem of one spin a group, so of 0"),
            ({"logical": 3, "groups": {"a": [0]}}, "logical must be a problem of one spin a group"),
            ({"groups": {"a": [0], "b": [1]}, "logical": WHOLE}, "must not stand for a further problem"),
            (
                {"ground_state": STATES},
                "no 'ground_state' is kept of .* did you mean 'ground_states'",
            ),
        ],
    )
    def test_what_does_not_fit_is_refused(self, facts, message):
        with pytest.raises(InputError, match=message):
            PAIR.with_known(**facts)


class TestWhatKeepsIt:
    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
    def test_copies_and_pickles(self, copied):
        again = copied(WHOLE)
        assert again == WHOLE
        assert_same(again.known, WHOLE.known)

    def test_files(self, tmp_path):
        qspin.write_problem(WHOLE, tmp_path / "a.npz")
        again = qspin.read_problem(tmp_path / "a.npz")
        assert again == WHOLE
        assert_same(again.known, WHOLE.known)

    def test_files_of_generators(self, tmp_path):
        problem = qspin.instances.biclique(2, m=2, seed=1)
        qspin.write_problem(problem, tmp_path / "a.npz")
        known = qspin.read_problem(tmp_path / "a.npz").known
        assert known.logical == problem.known.logical
        assert {n: s.tolist() for n, s in known.groups.items()} == {
            n: s.tolist() for n, s in problem.known.groups.items()
        }

    def test_scaling(self):
        double = WHOLE.scaled(2.0).known
        assert double.ground_energy == -1.0
        assert double.ground_states is WHOLE.known.ground_states
        assert double.logical == LOGICAL.scaled(2.0)

    @pytest.mark.parametrize("factor", [-1.0, 0.0])
    def test_other_states_lie_lowest_where_the_sign_changes(self, factor):
        known = WHOLE.scaled(factor).known
        assert (known.ground_energy, known.ground_states) == (None, None)
        assert known.patterns is WHOLE.known.patterns
        assert PAIR.with_known(ground_energy=-0.5).scaled(factor).known is None

    def test_another_offset(self):
        assert WHOLE.shifted(2.0).known.ground_energy == 1.5
        assert float(WHOLE.shifted(2.0).energies([1, 1])) == 1.5
        bare = without_offset(WHOLE)
        assert (bare.offset, bare.known.ground_energy) == (0.0, -1.0)
        assert bare.known.groups is WHOLE.known.groups

    def test_other_forms_do_not(self):
        assert IsingProblem.from_bqm(WHOLE.to_bqm()).known is None
        assert IsingProblem.from_qubo(*WHOLE.to_qubo()).known is None
        assert IsingProblem.from_networkx(WHOLE.to_networkx()).known is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"known_groups": "{"}, "no whole JSON"),
        ({"known_groups": '{"a": [7]}'}, "group 'a' must hold positions"),
        ({"known_groups": '{"a": [[0]]}'}, "group 'a' must be one list"),
        ({"known_ground_states": np.ones(2, np.int8)}, "'known_ground_states' has dtype int8 and shape"),
        ({"known_ground_states": np.ones((1, 3), np.int8)}, r"must have shape \(n, 2\)"),
        ({"known_ground_energy": "low"}, "'known_ground_energy' has dtype"),
        ({"known_ground_energy": -7.0}, "ground states must all have the ground energy"),
        ({"known_logical_labels": 3}, "'labels' has dtype"),
        ({"known_logical_known_logical_i": 3}, "stands for a further one"),
    ],
)
def test_damaged_files_are_refused(tmp_path, change, message):
    qspin.write_problem(WHOLE, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as stored:
        arrays = {**stored, **change}
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(InputError, match=f"not a whole problem file of qspin: .*{message}"):
        qspin.read_problem(tmp_path / "b.npz")


def test_a_logical_problem_is_whole(tmp_path):
    qspin.write_problem(WHOLE, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as stored:
        np.savez(tmp_path / "b.npz", **{name: stored[name] for name in stored if name != "known_logical_i"})
    with pytest.raises(InputError, match="its logical problem is not whole: it has no 'i'"):
        qspin.read_problem(tmp_path / "b.npz")


def test_layers_of_a_twin_are_known():
    problem = twin_from_weights([np.ones((3, 2)), np.ones((1, 3))])
    expected = layers_of([2, 3, 1])
    assert list(problem.known.groups) == list(expected) == ["layer 0", "layer 1", "layer 2"]
    for name, spins in problem.known.groups.items():
        np.testing.assert_array_equal(spins, expected[name])
        assert all(problem.labels[k].startswith(f"{name.removeprefix('layer ')}:") for k in spins)
