"""Effective dimension of a variational circuit: how many of its parameters data can tell apart.

After Abbas, Sutter, Zoufal, Lucchi, Figalli, Woerner 2021, Nature Comput. Sci. 1, 403 (arXiv:2011.00027). A
circuit with inputs x and weights w gives an outcome y with probability p(y | x, w); its Fisher information is
F(w) = <sum_y (dp)(dp)^T / p>, the mean over inputs. With k = n / (2 pi ln n) for n data, ::

    d(n) = 2 ln < sqrt(det(1 + k F')) > / ln k,    F' = n_weights F / <tr F>

with means over weights. Derivatives are exact, by parameter shifts; means are over draws.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from qspin.errors import InputError, MissingExtraError
from qspin.settings import Seed, resolved_seed
from qspin.sizes import checked_size

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

__all__ = ["effective_dimension", "fisher_information"]

Floats = NDArray[np.float64]
Outcome = Literal["configuration", "parity"] | Callable[[int], int]

_SHIFTED = frozenset({"rx", "ry", "rz", "p", "rxx", "ryy", "rzz", "rzx"})
"""Gates of one angle for which dp/dw = (p(w + pi/2) - p(w - pi/2)) / 2."""

_LEAST = 1e-12  # probability below which an outcome never comes, nor tells anything
_FEWEST_DATA = 18  # n > 2 pi ln n from there on
_NESTED = 10


def effective_dimension(
    circuit: QuantumCircuit,
    inputs: Sequence[Parameter],
    weights: Sequence[Parameter],
    n_data: ArrayLike,
    *,
    input_draws: int | ArrayLike = 100,
    weight_draws: int | ArrayLike = 100,
    outcome: Outcome = "configuration",
    seed: Seed = None,
) -> xr.Dataset:
    """Global effective dimension; with one draw of the weights, trained ones say, it is the local one.

    Parameters
    ----------
    circuit : of gates whose angles are numbers, inputs and weights
    inputs, weights : its parameters; a weight is the angle of one rotation
    n_data : sizes of data, more than 2 pi ln n each: 18 or more
    input_draws : (n_inputs, inputs), or how many to draw from the standard normal distribution
    weight_draws : (n_draws, weights), or how many to draw uniformly from 0 to 1; these are drawn first
    outcome : of a measurement: ``configuration``, all bits; ``parity``, of their sum; or a function of the
        number whose bit k is qubit k
    seed : of the draws

    Returns
    -------
    ``effective_dimension`` (n_data,); ``normalised_dimension``, the same over the number of weights;
    ``fisher`` (draw, weight, weight_of), normalised so that its mean trace is the number of weights; and
    ``trace``, the mean trace before.

    Raises
    ------
    InputError
        If parameters, draws or sizes do not fit, or a weight is not the angle of one rotation.
    MissingExtraError
        If Qiskit Aer is not installed.
    """
    sizes = np.atleast_1d(np.asarray(n_data, dtype=np.float64))
    if sizes.ndim != 1 or not np.isfinite(sizes).all() or not (sizes >= _FEWEST_DATA).all():
        raise InputError(
            f"n_data are sizes of data that exceed 2 pi ln n, so {_FEWEST_DATA} or more each; got {n_data!r}"
        )
    scale = sizes / (2 * np.pi * np.log(sizes))
    rng = np.random.default_rng(resolved_seed(seed))
    w = _draws(weight_draws, len(weights), "weight_draws", lambda shape: rng.uniform(0, 1, shape))
    x = _draws(
        input_draws if inputs else 1, len(inputs), "input_draws", lambda shape: rng.normal(0, 1, shape)
    )
    fisher = fisher_information(circuit, inputs, weights, x, w, outcome=outcome).mean(axis=1)
    trace = float(np.trace(fisher, axis1=1, axis2=2).mean())
    if not trace > _LEAST:
        raise InputError("no outcome depends on any weight, so there is no dimension to tell")
    normal = len(weights) * fisher / trace
    dets = np.linalg.slogdet(np.eye(len(weights)) + scale[:, None, None, None] * normal)[1]
    found = 2 * (logsumexp(dets / 2, axis=1) - np.log(len(w))) / np.log(scale)
    return xr.Dataset(
        {
            "effective_dimension": ("n_data", found),
            "normalised_dimension": ("n_data", found / len(weights)),
            "fisher": (("draw", "weight", "weight_of"), normal),
            "trace": trace,
        },
        coords={"n_data": sizes},
    )


def fisher_information(
    circuit: QuantumCircuit,
    inputs: Sequence[Parameter],
    weights: Sequence[Parameter],
    input_draws: ArrayLike,
    weight_draws: ArrayLike,
    *,
    outcome: Outcome = "configuration",
) -> Floats:
    """Fisher information (n_draws, n_inputs, weights, weights) of every draw of the weights and the inputs.

    Raises
    ------
    InputError, MissingExtraError
        As `effective_dimension`.
    """
    if importlib.util.find_spec("qiskit_aer") is None:
        raise MissingExtraError("fisher_information", extra="qiskit", module="qiskit_aer")
    flat = _checked(circuit, inputs, weights)
    outcomes = _outcomes(flat.num_qubits, outcome)
    x, w = np.atleast_2d(np.asarray(input_draws, float)), np.atleast_2d(np.asarray(weight_draws, float))
    n_weights = w.shape[1]
    shifts = np.concatenate([np.zeros((1, n_weights)), np.eye(n_weights), -np.eye(n_weights)]) * np.pi / 2
    shifted = w[:, None, None, :] + shifts[None, None]
    grid = (len(w), len(x), len(shifts))
    every = np.broadcast_to(shifted, (*grid, n_weights))
    own = np.broadcast_to(x[None, :, None, :], (*grid, x.shape[1]))
    values = np.concatenate([own, every], axis=3).reshape(np.prod(grid), -1)
    p = _probabilities(flat, [*inputs, *weights], values)
    p = (p @ outcomes).reshape(len(w), len(x), len(shifts), -1)
    slopes = (p[:, :, 1 : 1 + n_weights] - p[:, :, 1 + n_weights :]) / 2
    seen = p[:, :, 0] > _LEAST
    inverse = np.where(seen, 1 / np.where(seen, p[:, :, 0], 1.0), 0.0)
    return np.einsum("abky,aby,ably->abkl", slopes, inverse, slopes)


def _draws(given: int | ArrayLike, n: int, name: str, drawn: Callable[[tuple[int, int]], Floats]) -> Floats:
    if isinstance(given, int | np.integer):
        return drawn((checked_size(given, name, each=8 * n), n))
    values = np.atleast_2d(np.asarray(given, dtype=np.float64))
    if values.ndim != 2 or not len(values) or values.shape[1] != n or not np.isfinite(values).all():
        raise InputError(
            f"{name} is a number, or finite values of shape (draws, {n}); got shape {np.shape(given)}"
        )
    return values


def _checked(
    circuit: QuantumCircuit, inputs: Sequence[Parameter], weights: Sequence[Parameter]
) -> QuantumCircuit:
    """The circuit in single gates, without measurements; every weight stands in one rotation."""
    flat = circuit.remove_final_measurements(inplace=False)
    for _ in range(_NESTED):
        nested = [one.operation.name for one in flat.data if _is_nested(one.operation)]
        if not nested:
            break
        flat = flat.decompose(nested)
    given, needed = {*inputs, *weights}, set(flat.parameters)
    if given != needed or len(given) != len(inputs) + len(weights):
        odd = sorted(parameter.name for parameter in given ^ needed) or ["one twice"]
        raise InputError(
            f"inputs and weights are all parameters of the circuit, each once; at odds are {', '.join(odd)}"
        )
    if not weights:
        raise InputError("an effective dimension needs weights; the circuit has none")
    for weight in weights:
        gates = [one.operation for one in flat.data if _holds(one.operation, weight)]
        if len(gates) != 1 or gates[0].name not in _SHIFTED or gates[0].params[0] != weight:
            where = ", ".join(gate.name for gate in gates)
            raise InputError(
                f"a weight is the angle of one rotation ({', '.join(sorted(_SHIFTED))}); {weight.name} "
                f"stands in {where}"
            )
    return flat


def _is_nested(operation: Any) -> bool:
    """Whether parameters lie deeper than in a gate that is known here."""
    return bool(operation.params) and operation.name not in _SHIFTED and operation.definition is not None


def _holds(operation: Any, weight: Parameter) -> bool:
    return any(weight in getattr(value, "parameters", ()) for value in operation.params)


def _probabilities(circuit: QuantumCircuit, parameters: Sequence[Parameter], values: Floats) -> Floats:
    """Of all configurations (n, 2**n_qubits), of Aer, for rows of values (n, parameters)."""
    from qiskit import transpile
    from qiskit_aer import AerSimulator

    measured = circuit.copy()
    measured.save_probabilities()
    simulator = AerSimulator(method="statevector")
    ready = transpile(measured, simulator, optimization_level=0)
    binds = [{parameter: column.tolist() for parameter, column in zip(parameters, values.T, strict=True)}]
    result = simulator.run(ready, parameter_binds=binds).result()
    return np.array([result.data(k)["probabilities"] for k in range(len(values))])


def _outcomes(n_qubits: int, outcome: Outcome) -> Floats:
    """1 where a configuration has an outcome (2**n_qubits, outcomes)."""
    numbers = range(2**n_qubits)
    if outcome == "configuration":
        return np.eye(2**n_qubits)
    if outcome == "parity":
        told = np.array([number.bit_count() % 2 for number in numbers])
    elif callable(outcome):
        told = np.array([outcome(number) for number in numbers])
    else:
        raise InputError(f"outcome is 'configuration', 'parity' or a function of a number; got {outcome!r}")
    return (told[:, None] == np.unique(told)[None, :]).astype(np.float64)
