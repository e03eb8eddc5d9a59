"""Damage for files and nonsense for arguments, drawn from a seeded generator."""

# ruff: noqa: E501  (tables)

from __future__ import annotations

import copy
import datetime
import decimal
import fractions
from collections.abc import Callable
from typing import Any

import dimod
import networkx as nx
import numpy as np

Rng = np.random.Generator

_NUMBERS = [b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80", b"\xff" * 8]
_WORDS = [
    "-1", "0", "1", "2", "1e400", "-1e400", "nan", "inf", "1000000000", "1000000000000", "9" * 30, "9" * 5000,
    "0x1f", "1_000", "٣", "", "x", "#", "# vartype=BINARY", "# vartype=SPIN", "c", "p qubo 0 9 1 1", "\0",
    "\x1b[31m", "\u2028", "1.5", "i j J", ",", ";", "%", "%%MatrixMarket matrix array real general", "é",
]  # fmt: skip
_YAML = [
    "null", "~", "true", ".nan", ".inf", "-.inf", "[]", "{}", "[1, a]", "{a: 1}", "*a", "&a [*a]", "<<: *a",
    "!!int x", "!!binary x", "!!set {a}", "!!python/name:os.system x", "2001-13-45", "2001-12-14", "1:30",
    "0x" + "f" * 5000, "? [a]", "- a", "- - - -", "---", "...", "%YAML 9.9", "{linear: [0, 1, 500000000]}",
    "{geometric: 4}", "{geometric: [0, 1, 3]}", "{temperatures: {}}", "[" * 200, "\t", "'", '"', "|", ">", "@",
    "100000000000", "1e11", "os:system", "../../x", "a" * 500,
]  # fmt: skip


def damaged(rng: Rng, content: bytes, others: list[bytes]) -> bytes:
    """A few changes of bytes: flips, cuts, repeats, numbers that claim much, pieces of other files."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(0, len(data) + 1))
        length = int(rng.integers(1, 40))
        match int(rng.integers(0, 8)):
            case 0 | 1 if place < len(data):
                data[place] ^= 1 << int(rng.integers(0, 8))
            case 2:
                data[place : place + length] = rng.bytes(length)
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length]
            case 5:
                number = _NUMBERS[rng.integers(len(_NUMBERS))]
                data[place : place + len(number)] = number
            case 6 if rng.random() < 0.3:
                del data[place:]
            case 7:
                other = others[rng.integers(len(others))]
                start = int(rng.integers(0, len(other) + 1))
                data[place : place + length] = other[start : start + length]
    return bytes(data)


def damaged_text(rng: Rng, content: bytes, *, yaml: bool = False) -> bytes:
    """Words, lines and values put in the place of others, repeated or left out."""
    words = _YAML if yaml else _WORDS
    lines = content.decode("utf-8", "replace").split("\n")
    for _ in range(int(rng.integers(1, 4))):
        k = int(rng.integers(len(lines)))
        word = words[rng.integers(len(words))]
        match int(rng.integers(0, 6)):
            case 0:
                lines[k] = word
            case 1:
                lines.insert(k, lines[int(rng.integers(len(lines)))])
            case 2 if len(lines) > 1:
                del lines[k]
            case 3 | 4:
                parts = lines[k].split(" ")
                parts[int(rng.integers(len(parts)))] = word
                lines[k] = " ".join(parts)
            case 5:
                head, colon, _ = lines[k].partition(":")
                lines[k] = head + colon + " " + word
    return "\n".join(lines).encode("utf-8", "surrogatepass")


class _Awkward:
    """An object whose repr fails and that is no number."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def nonsense(rng: Rng) -> Any:
    """A value of any type, mostly the wrong one."""
    return _VALUES[rng.integers(len(_VALUES))]()


def plain_nonsense(rng: Rng) -> Any:
    """The same among what YAML can hold."""
    return _PLAIN[rng.integers(len(_PLAIN))]


def changed(rng: Rng, value: Any, draw: Callable[[Rng], Any]) -> Any:
    """A nested value with one part of it replaced, added or left out."""
    value = copy.copy(value)
    keys = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if not keys or rng.random() < 0.15:
        return draw(rng)
    key = keys[rng.integers(len(keys))]
    match int(rng.integers(0, 10)):
        case 0:
            del value[key]
        case 1 if isinstance(value, dict):
            value[_KEYS[rng.integers(len(_KEYS))]] = draw(rng)
        case _:
            value[key] = changed(rng, value[key], draw)
    return value


_KEYS: list[Any] = ["other", "seed", "kind", "name", "", "a/b", 1, None, True, 0.5, datetime.date(2001, 1, 1)]

_PLAIN: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 0.5, -0.5, 1e308, float("nan"), float("inf"), float("-inf"), 10**12, -(10**12),
    10**30, 10**400, "", "a", "auto", "0", "1e3", "x" * 1000, "os:system", "nothing:Here", "a.b:c", "\x1b[31m",
    "é", [], [0], [1, 2], [2, 1], [0.5, 0.5], [None], ["a"], [[1, 2], [3]], [float("nan")], [1, "a"], [-1, 1],
    [[0, 1], [1, 2]], [[0.0, 1.0], [5.0, 0.5]], {}, {"a": 1}, {1: 2}, {None: 1}, {"gamma": [1], "beta": [2]},
    {"geometric": 4}, {"linear": [0, 1, 500_000_000]}, {"geometric": [1, 2, 3]}, {"temperatures": "x"},
    {"n_spins": [4]}, {"n_spins": "a"}, datetime.date(2001, 1, 1), [{}], {"a": {"b": [None]}}, [10**400],
]  # fmt: skip

_VALUES: list[Callable[[], Any]] = [
    *[(lambda value=value: value) for value in _PLAIN],
    lambda: "\ud800", lambda: "\0", lambda: b"bytes", lambda: (), lambda: (1, 2), lambda: ("a", "b"), lambda: {1, 2},
    lambda: range(3), lambda: 1 + 2j, lambda: decimal.Decimal("0.5"), lambda: decimal.Decimal("nan"),
    lambda: fractions.Fraction(1, 3), lambda: np.float32(0.5), lambda: np.float64("nan"), lambda: np.int64(3),
    lambda: np.bool_(True), lambda: np.array(3), lambda: np.array([]), lambda: np.eye(3), lambda: np.ones((2, 3)),
    lambda: np.zeros((3, 3)), lambda: np.array(["a", "b"]), lambda: np.array([None, 1]), lambda: np.array([1, 2]),
    lambda: np.array([[0, 1], [1, 0]], complex), lambda: np.full((3, 3), np.nan), lambda: np.ones((1, 2, 1, 3)),
    lambda: np.ones((1, 2, 1, 3), np.int8), lambda: np.zeros((1, 2, 1, 3), np.int8), lambda: object(),
    lambda: _Awkward(), lambda: len, lambda: int, lambda: (k for k in "ab"), lambda: memoryview(b"ab"),
    lambda: {(0, 1): 1.0}, lambda: {(0, 1): "a"}, lambda: {(0, 1, 2): 1.0}, lambda: {(0, 0): np.nan},
    lambda: {("a", ("b", 1)): 10**400}, lambda: {(None, np.nan): 1.0},
    lambda: dimod.BinaryQuadraticModel({"a": 1.0}, {("a", "b"): 1.0}, 0.0, "SPIN"),
    lambda: dimod.BinaryQuadraticModel({"a": np.nan}, {}, 0.0, "BINARY"),
    lambda: dimod.BinaryQuadraticModel({"a": 1}, {}, 0.0, "BINARY", dtype=object),
    lambda: dimod.ConstrainedQuadraticModel(), lambda: dimod.QuadraticModel(vartypes={"i": "INTEGER"}),
    lambda: dimod.DiscreteQuadraticModel(), lambda: nx.path_graph(3), lambda: nx.DiGraph([(0, 1)]),
    lambda: nx.Graph([(0, 1, {"weight": "heavy"})]), lambda: nx.Graph([(0, 0)]), lambda: nx.MultiGraph([(0, 1)] * 2),
    lambda: nx.Graph([(0, 1, {"weight": None})], offset="a"), lambda: nx.Graph([((0, 1), frozenset({1}))]),
    lambda: dimod.SampleSet.from_samples([{0: 1, 1: -1, 2: 1}], "SPIN", [0.0]),
    lambda: dimod.SampleSet.from_samples([{0: 1, 1: 0}], "BINARY", [np.nan], num_occurrences=[2**50]),
    lambda: dimod.SampleSet.from_samples([{0: 5}], "INTEGER", ["a"]),
    lambda: dimod.SampleSet.from_samples(np.empty((0, 2)), "SPIN", []),
]  # fmt: skip
