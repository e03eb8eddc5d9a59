"""What networks are trained on, by name: tables of scikit-learn, sums modulo a number, and the text of a
licence. Nothing is downloaded.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from qspin.errors import DISTRIBUTION, InputError, RunError, nearest_name

__all__ = ["DATASETS", "DataSet", "Encoding", "data_set", "made_with"]

Made = TypeVar("Made")

Arrays = tuple[NDArray[Any], NDArray[Any]]
Encoding = Literal["one_hot", "tokens"]

_SYMBOLS = " !\"%'(),-./0123456789:;[]abcdefghijklmnopqrstuvwxyz"
_CHARACTERS = 10_221
_LICENCE_SHA256 = "e281216cf93feead53d8f617e956d3d78726d423dfd71c8057d0b6d67ec56e7e"
_LEAST_MODULUS = 5  # below, a fifth of the sums cannot hold each result


@dataclass(frozen=True)
class DataSet:
    """Examples by what they need to be known for before any is loaded.

    Parameters
    ----------
    n_inputs : numbers of an example
    n_outputs : classes; 1 for a regression
    n_examples : in all
    load : gives inputs (n_examples, n_inputs), float32 or tokens as int64, and targets (n_examples,), classes
        as int64 or, for a regression, float32
    is_regression : whether targets are numbers
    is_standardised : whether inputs, and targets of a regression, are to have mean 0 and deviation 1
    is_ordered : whether those for testing come last, because neighbours share what they hold
    """

    n_inputs: int
    n_outputs: int
    n_examples: int
    load: Callable[[], Arrays]
    is_regression: bool = False
    is_standardised: bool = False
    is_ordered: bool = False


def _digits() -> DataSet:
    def load() -> Arrays:
        images, targets = _of_sklearn("digits")
        return (images / 16).astype(np.float32), targets

    return DataSet(64, 10, 1797, load)


def _digits_small() -> DataSet:
    def load() -> Arrays:
        images, targets = _of_sklearn("digits")
        few = targets < 3
        blocks = images[few].reshape(-1, 8, 8)[:, :, 1:7].reshape(-1, 4, 2, 3, 2)
        return (blocks.mean(axis=(2, 4)).reshape(-1, 12) / 16).astype(np.float32), targets[few]

    return DataSet(12, 3, 537, load)


def _table(name: str, n_inputs: int, n_outputs: int, n_examples: int) -> DataSet:
    """A table of scikit-learn whose columns have units of their own."""

    def load() -> Arrays:
        inputs, targets = _of_sklearn(name)
        return inputs.astype(np.float32), targets.astype(np.float32 if n_outputs == 1 else np.int64)

    return DataSet(n_inputs, n_outputs, n_examples, load, is_regression=n_outputs == 1, is_standardised=True)


def _of_sklearn(name: str) -> Arrays:
    from sklearn import datasets

    inputs, targets = getattr(datasets, f"load_{name}")(return_X_y=True)
    return inputs, targets


def _modular_addition(modulus: int = 11, encoding: Encoding = "one_hot") -> DataSet:
    if modulus < _LEAST_MODULUS:
        raise InputError(f"modular_addition takes a modulus from {_LEAST_MODULUS} on; got {modulus}")

    def load() -> Arrays:
        terms = np.indices((modulus, modulus)).reshape(2, -1).T
        return _encoded(terms, modulus, encoding), terms.sum(axis=1) % modulus

    return DataSet(2 * modulus if encoding == "one_hot" else 2, modulus, modulus**2, load)


def _characters(context: int = 4, encoding: Encoding = "one_hot") -> DataSet:
    n = _CHARACTERS - context
    if n < 2 * context:
        raise InputError(f"characters has {_CHARACTERS} of them, too few for a context of {context}")

    def load() -> Arrays:
        text = _licence()
        windows = np.lib.stride_tricks.sliding_window_view(text, context)[:-1]
        return _encoded(windows, len(_SYMBOLS), encoding), text[context:]

    n_inputs = context * len(_SYMBOLS) if encoding == "one_hot" else context
    return DataSet(n_inputs, len(_SYMBOLS), n, load, is_ordered=True)


def _encoded(tokens: NDArray[np.int64], n_words: int, encoding: Encoding) -> NDArray[Any]:
    if encoding == "tokens":
        return np.ascontiguousarray(tokens)
    return np.eye(n_words, dtype=np.float32)[tokens].reshape(len(tokens), -1)


def _licence() -> NDArray[np.int64]:
    """The text of the Apache License 2.0 that comes with qspin as numbers of `_SYMBOLS`: in small letters,
    with one space in the place of any white space.
    """
    try:
        text = distribution(DISTRIBUTION).read_text("licenses/LICENSE")
    except PackageNotFoundError:
        text = None
    found = None if text is None else hashlib.sha256(text.encode()).hexdigest()
    if text is None or found != _LICENCE_SHA256:
        raise RunError(
            f"characters are those of the licence that is installed with {DISTRIBUTION}, of SHA-256 "
            f"{_LICENCE_SHA256[:12]}...; found {'none' if found is None else found[:12] + '...'}: install it "
            "anew"
        )
    number = {symbol: k for k, symbol in enumerate(_SYMBOLS)}
    return np.array([number[symbol] for symbol in re.sub(r"\s+", " ", text.lower()).strip()])


DATASETS: Mapping[str, Callable[..., DataSet]] = {
    "digits": _digits,
    "digits_small": _digits_small,
    "wine": functools.partial(_table, "wine", 13, 3, 178),
    "breast_cancer": functools.partial(_table, "breast_cancer", 30, 2, 569),
    "iris": functools.partial(_table, "iris", 4, 3, 150),
    "diabetes": functools.partial(_table, "diabetes", 10, 1, 442),
    "modular_addition": _modular_addition,
    "characters": _characters,
}
"""Name -> maker of a `DataSet`, from the options that it takes."""


def data_set(name: str, **options: Any) -> DataSet:
    """A data set by name.

    Parameters
    ----------
    name : ``digits``, the 1797 handwritten 8x8 digits of scikit-learn; ``digits_small``, the 537 zeros, ones
        and twos among them, coarse enough for twins of twenty spins: means over 2x2 pixels, without the outer
        columns, 12 inputs and 3 classes; ``wine``, ``breast_cancer``, ``iris``, and ``diabetes``, a
        regression; ``modular_addition``, all pairs of numbers below `modulus` with their sum; ``characters``,
        the character that follows `context` others in the text of the Apache License 2.0
    options : ``modulus``, ``context``, ``encoding`` (``one_hot`` or ``tokens``), where a set takes them; None
        is not given

    Raises
    ------
    InputError
        For an unknown name, or an option that the set does not take.

    Examples
    --------
    >>> found = data_set("modular_addition", modulus=7)
    >>> found.n_inputs, found.n_outputs, found.n_examples
    (14, 7, 49)
    """
    if name not in DATASETS:
        raise InputError(f"no data set {name!r}: {nearest_name(name, DATASETS)}", key=("dataset",))
    return made_with(DATASETS[name], f"the data set {name} has", options)


def made_with(make: Callable[..., Made], has: str, options: Mapping[str, Any]) -> Made:
    """What a maker of data gives for options, of which one that is None is not given.

    Parameters
    ----------
    has : beginning of a sentence: ``the data set digits has``

    Raises
    ------
    InputError
        For an option that it does not take.
    """
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in inspect.signature(make).parameters:
            raise InputError(f"{has} no {option}; leave it out", key=(option,))
    return make(**given)
