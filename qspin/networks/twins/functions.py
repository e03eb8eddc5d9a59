"""What functions and methods of tensors do with forms: rearrange, add, scale, average, activate."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.networks.twins.dense_layers import by_weights
from qspin.networks.twins.forms import Form, stacked
from qspin.networks.twins.pooling import mean_over
from qspin.networks.twins.reading import numbers_of
from qspin.networks.twins.rules import NAMED, RULES
from qspin.networks.twins.wiring import Wiring

if TYPE_CHECKING:
    import torch.fx

__all__ = ["applied_function", "in_place", "rearranged"]

_ACTIVATIONS = frozenset({
    "celu", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax", "logsigmoid",
    "mish", "relu", "relu6", "relu_", "selu", "sigmoid", "sigmoid_", "silu", "softmax", "softplus",
    "softsign", "tanh", "tanh_",
})  # fmt: skip
_UNCHANGED = frozenset({
    "alpha_dropout", "clone", "contiguous", "detach", "double", "dropout", "dropout1d", "dropout2d",
    "dropout3d", "float", "to",
})  # fmt: skip
_REARRANGING = frozenset({
    "cat", "chunk", "concat", "expand", "flatten", "flip", "getitem", "movedim", "narrow", "permute",
    "repeat", "reshape", "select", "split", "squeeze", "stack", "swapaxes", "t", "transpose", "unbind",
    "unflatten", "unsqueeze", "view",
})  # fmt: skip
_SIZES = frozenset({"dim", "getattr", "ndimension", "numel", "size"})
_LAYERS = {
    "adaptive_avg_pool1d": "AdaptiveAvgPool1d", "adaptive_avg_pool2d": "AdaptiveAvgPool2d",
    "adaptive_max_pool1d": "AdaptiveMaxPool1d", "adaptive_max_pool2d": "AdaptiveMaxPool2d",
    "avg_pool1d": "AvgPool1d", "avg_pool2d": "AvgPool2d", "max_pool1d": "MaxPool1d",
    "max_pool2d": "MaxPool2d",
}  # fmt: skip
_BATCH = 2  # of the numbers that stand for values while they are rearranged


def in_place(graph: torch.fx.Graph, kind: str) -> None:
    """Refuse methods that overwrite a value which others may have taken before."""
    for node in graph.nodes:
        name = str(node.target)
        overwrites = node.op == "call_method" and name.endswith("_") and not name.endswith("__")
        if overwrites and name not in _ACTIVATIONS:
            raise InputError(
                f"forward of {kind} overwrites values by {name}, which a twin cannot follow; write "
                f"{name.rstrip('_')} in its place"
            )


def applied_function(
    target: Any, args: Sequence[Any], kwargs: Mapping[str, Any], wiring: Wiring, where: str
) -> Any:
    """The value of a function, or of a method, its name.

    Raises
    ------
    InputError
        If there is no rule for it.
    """
    name = target if isinstance(target, str) else str(getattr(target, "__name__", target))
    forms = _forms((args, kwargs))
    if not forms or name in _SIZES or name in _REARRANGING:
        return rearranged(target, args, kwargs, where)
    if name in _ACTIVATIONS:
        return wiring.neurons(forms[0])
    if name in _UNCHANGED:
        return forms[0]
    if (rule := _ARITHMETIC.get(name)) is not None:
        if others := sorted(set(kwargs) - _KNOWN.get(name, frozenset())):
            raise InputError(f"{where} is given {', '.join(others)}, for which the twin has no rule")
        return rule(args, kwargs, wiring, where)
    if (layer := _layer_of(name, args, kwargs)) is not None:
        return RULES[type(layer).__name__](layer, forms[0], wiring, name)
    raise InputError(
        f"{where} is applied, which the twin does not know. It knows layers ({NAMED}), activations, sums, "
        "constant factors, means, and what rearranges values"
    )


def rearranged(target: Any, args: Any, kwargs: Any, where: str) -> Any:
    """What a function, a method or a layer that only moves values makes of forms, by moving their numbers."""
    import torch
    from torch.utils import _pytree

    forms = _forms((args, kwargs))
    total = sum(form.size for form in forms)
    starts = np.cumsum([0, *(form.size for form in forms)]).tolist()

    def numbered(value: Any) -> Any:
        if not isinstance(value, Form):
            return value
        (start,) = {start for form, start in zip(forms, starts, strict=False) if form is value}
        each = torch.arange(value.size).reshape(1, *value.shape) + start
        return torch.cat([each + total * copy for copy in range(_BATCH)])

    args, kwargs = _pytree.tree_map(numbered, (tuple(args), dict(kwargs)))
    moved = (
        getattr(args[0], target)(*args[1:], **kwargs) if isinstance(target, str) else target(*args, **kwargs)
    )
    if not forms:
        return moved
    whole = stacked(forms, forms[0].name)

    def taken(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        places = value.numpy()
        if places.ndim < 1 or len(places) != _BATCH or not (places[1] == places[0] + total).all():
            raise InputError(f"{where} moves values from one example of a batch to another")
        return whole.taken(places[0].ravel(), places.shape[1:])

    if isinstance(moved, torch.Size | int):
        return moved
    return _pytree.tree_map(taken, moved)


def _forms(given: Any) -> list[Form]:
    from torch.utils import _pytree

    found: list[Form] = []
    for value in _pytree.tree_leaves(given):
        if isinstance(value, Form) and not any(value is other for other in found):
            found.append(value)
    return found


def _added(args: Sequence[Any], kwargs: Any, wiring: Wiring, where: str, *, sign: float) -> Form:
    """Of two forms: new neurons, coupled to both with strength 1; of a form and a constant, shifted."""
    first, second = args[:2]
    if not (isinstance(first, Form) and isinstance(second, Form)):
        return _shifted(first, second, sign, where)
    if first.shape != second.shape:
        raise InputError(
            f"{where} adds values of shapes {first.shape} and {second.shape}, which must be equal"
        )
    if sign < 0:
        second = second.scaled(np.full(second.size, -1.0), np.zeros(second.size))
    return first.plus(second, where.rsplit(" ", 1)[-1])


def _shifted(first: Any, second: Any, sign: float, where: str) -> Form:
    form, constant = (first, second) if isinstance(first, Form) else (second, first)
    turned = -1.0 if sign < 0 and form is second else 1.0
    shift = _constant(constant, form, where) * (sign if form is first else 1.0)
    return form.scaled(np.full(form.size, turned), shift)


def _product(args: Sequence[Any], kwargs: Any, wiring: Wiring, where: str) -> Form:
    first, second = args[:2]
    form, constant = (first, second) if isinstance(first, Form) else (second, first)
    return form.scaled(_constant(constant, form, where), np.zeros(form.size))


def _quotient(args: Sequence[Any], kwargs: Any, wiring: Wiring, where: str) -> Form:
    form, constant = args[:2]
    if not isinstance(form, Form):
        raise InputError(f"{where} divides by values of neurons, which has no rule")
    return form.scaled(1.0 / _constant(constant, form, where), np.zeros(form.size))


def _constant(value: Any, form: Form, where: str) -> NDArray[np.float64]:
    """A number or a tensor, spread over the values of a form (size,)."""
    import torch

    if isinstance(value, Form):
        raise InputError(
            f"{where} multiplies {form.name} and {value.name}, values of neurons both: a product of spins, "
            "which is no coupling to others"
        )
    numbers = (
        numbers_of(value, where) if isinstance(value, torch.Tensor) else np.asarray(value, dtype=np.float64)
    )
    try:
        return np.broadcast_to(numbers, (1, *form.shape)).ravel()
    except ValueError:
        raise InputError(
            f"{where}: a constant of shape {numbers.shape} does not spread over values of shape {form.shape}"
        ) from None


def _mean(args: Sequence[Any], kwargs: Any, wiring: Wiring, where: str) -> Form:
    form: Form = args[0]
    given = args[1] if len(args) > 1 else kwargs.get("dim")
    keep = bool(args[2] if len(args) > 2 else kwargs.get("keepdim", False))
    n_axes = len(form.shape) + 1
    axes = () if given is None else (given,) if isinstance(given, int) else tuple(given)
    axes = tuple(sorted({axis % n_axes for axis in axes}))
    if not axes or axes[0] == 0:
        raise InputError(f"{where} averages over the batch; give the axes (dim)")
    return mean_over(form, tuple(axis - 1 for axis in axes), wiring, where.rsplit(" ", 1)[-1], keep=keep)


def _matrix(args: Sequence[Any], kwargs: Any, wiring: Wiring, where: str) -> Form:
    """x @ W, and `torch.nn.functional.linear` with parameters of the module."""
    import torch

    form, weight = args[:2]
    bias = args[2] if len(args) > 2 else kwargs.get("bias")
    if not isinstance(form, Form) or not isinstance(weight, torch.Tensor) or weight.ndim != 2:
        raise InputError(f"{where} takes values times a matrix of parameters; other products have no rule")
    if not where.endswith("linear"):
        weight = weight.T
    return by_weights(weight, bias, form, wiring, where.rsplit(" ", 1)[-1])


_sum, _difference = (functools.partial(_added, sign=sign) for sign in (1.0, -1.0))
_ARITHMETIC: Mapping[str, Callable[..., Form]] = {
    "add": _sum,
    "iadd": _sum,
    "sub": _difference,
    "isub": _difference,
    "mul": _product,
    "imul": _product,
    "div": _quotient,
    "truediv": _quotient,
    "mean": _mean,
    "linear": _matrix,
    "matmul": _matrix,
}


_KNOWN = {"linear": frozenset({"bias"}), "mean": frozenset({"dim", "keepdim"})}
"""What may be given by name."""


def _layer_of(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The layer whose function was called, with its settings; None for no such function."""
    import torch

    kind = _LAYERS.get(name.removeprefix("_"))
    return None if kind is None else getattr(torch.nn, kind)(*args[1:], **kwargs)
