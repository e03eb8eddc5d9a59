"""Labels come back as they went, from every file and library, or are refused before anything is sampled."""

from __future__ import annotations

import enum
import pickle
from collections import namedtuple
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qspin
from qspin import IsingProblem, SampleSet
from qspin.errors import InputError
from qspin.labels import in_order, labels_from_json, labels_to_json


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 5


class Name(str, enum.Enum):  # noqa: UP042
    FIRST = "first"


Place = namedtuple("Place", "x y")

FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda x: not x.is_integer() or abs(x) < 2**63
)
NUMBERS = (
    st.integers(-(2**63) + 1, 2**63 - 1)
    | FLOATS
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1).map(np.int64)
    | st.integers(0, 255).map(np.uint8)
    | st.floats(-1e6, 1e6, width=32).map(np.float32)
    | st.just(Level.HIGH)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
NAMES = TEXTS | TEXTS.map(np.str_).filter(lambda text: "\0" not in str(text)) | st.just(Name.FIRST)
LABELS = st.recursive(
    NUMBERS | NAMES,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.tuples(inner, inner),
    max_leaves=4,
)


@st.composite
def labels(draw):
    return draw(st.lists(LABELS, min_size=1, max_size=5, unique_by=lambda label: label))


def is_plain(label):
    if type(label) is tuple:
        return all(map(is_plain, label))
    return type(label) in (int, float, str)


def chain(names):
    n = len(names)
    return IsingProblem.from_edges(
        n, range(n - 1), range(1, n), np.arange(1.0, n), fields=np.arange(n) + 0.5, labels=names
    )


class TestRoundTrips:
    @settings(deadline=None)
    @given(labels())
    def test_of_problems(self, given_labels):
        problem = chain(given_labels)
        assert list(problem.labels) == given_labels
        assert all(map(is_plain, problem.labels))
        again = [
            IsingProblem.from_bqm(problem.to_bqm()),
            IsingProblem.from_networkx(problem.to_networkx()),
            IsingProblem.from_qubo(*problem.to_qubo()),
            pickle.loads(pickle.dumps(problem)),
            IsingProblem(problem.couplings, problem.fields, labels=problem.labels),
        ]
        for other in again:
            assert list(other.labels) == list(problem.labels)
            assert list(map(type, other.labels)) == list(map(type, problem.labels))
            assert other == problem
        stored = labels_from_json(labels_to_json(problem.labels))
        assert list(stored) == list(problem.labels)

    @settings(max_examples=30, deadline=None)
    @given(given_labels=labels())
    def test_of_files(self, given_labels, tmp_path_factory):
        folder = tmp_path_factory.mktemp("labels")
        problem = chain(given_labels)
        for suffix in ("npz", "bqm"):
            qspin.write_problem(problem, folder / f"a.{suffix}")
            again = qspin.read_problem(folder / f"a.{suffix}")
            assert list(again.labels) == list(problem.labels)
            assert again == problem

    @settings(max_examples=30, deadline=None)
    @given(given_labels=labels())
    def test_of_samples(self, given_labels, tmp_path_factory):
        problem = chain(given_labels)
        samples = qspin.get_backend("exact", n_replicas=3).sample(problem, seed=1)
        file = tmp_path_factory.mktemp("labels") / "a.nc"
        samples.save(file)
        dimod_set = samples.to_dimod()
        for again in (
            SampleSet.load(file),
            SampleSet.from_dimod(dimod_set, problem),
            SampleSet.from_dimod(dimod_set),
        ):
            assert list(again.labels) == list(problem.labels)
            np.testing.assert_array_equal(again.spins.values, samples.spins.values)


@pytest.mark.parametrize(
    "label",
    [
        None,
        float("nan"),
        float("inf"),
        2**63,
        2.0**63,
        -(2**70),
        b"bytes",
        frozenset({1}),
        "a\0b",
        "\ud800",
        Colour.RED,
        Fraction(1, 2),
        1j,
        np.datetime64("2026-01-01"),
        (1, ("a", None)),
        [1],
        {"a": 1},
    ],
    ids=repr,
)
def test_what_does_not_come_back_is_refused_at_once(label):
    with pytest.raises(
        InputError, match="labels must be hashable: text that files can hold.* or tuples of them; got"
    ):
        IsingProblem([[0.0, 1.0], [1.0, 0.0]], labels=["x", label])


def test_tuples_without_an_end_are_refused():
    label = ()
    for _ in range(500):
        label = (label,)
    with pytest.raises(InputError, match="tuples of them"):
        IsingProblem([[0.0]], labels=[label])


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ([1, True], "True stands twice, first as 1"),
        ([1, 1.0], r"1\.0 stands twice, first as 1"),
        ([np.int64(3), 3], "3 stands twice, first as np.int64"),
        ([(1, 2), (True, 2.0)], "stands twice"),
        ([Place(1, 2), (1, 2)], "stands twice"),
        (["a", np.str_("a")], "stands twice"),
        ([0.0, -0.0], "stands twice"),
    ],
)
def test_equal_labels_are_one(pair, message):
    with pytest.raises(InputError, match=message):
        IsingProblem([[0.0, 1.0], [1.0, 0.0]], labels=pair)


def test_equal_labels_make_equal_problems():
    problems = [chain(names) for names in ([0, 1], [False, True], [0.0, 1.0], np.arange(2), range(2), (0, 1))]
    assert {problem.digest for problem in problems} == {problems[0].digest}
    assert all(problem.labels == range(2) for problem in problems)


def test_values_by_label_keep_apart_what_reads_the_same():
    problem = chain([1, "1", ("a", 2)])
    values = {1: "number", "1": "text", "('a', 2)": "tuple"}
    assert in_order(values, problem, setting="s", what="w") == ["number", "text", "tuple"]
    assert in_order({"1": 7}, chain([1]), setting="s", what="w") == [7]
    with pytest.raises(InputError, match="s has no w for '1'"):
        in_order({1: "number", "('a', 2)": "tuple"}, problem, setting="s", what="w")


def test_coordinates_keep_apart_what_reads_the_same():
    samples = SampleSet.from_spins(chain([1, "1"]), np.ones((1, 1, 1, 2)))
    assert list(samples.dataset["spin"].values) == ["1", "'1'"]
