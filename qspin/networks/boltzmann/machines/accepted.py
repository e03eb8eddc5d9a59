"""Which precisions, devices and numbers a machine works with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from qspin.errors import InputError, named, shown
from qspin.validate import checked_real

__all__ = [
    "checked_device",
    "checked_number",
    "checked_precision",
    "checked_spread",
    "real_values",
    "require_computable",
]

_PRECISIONS = (torch.float32, torch.float64)
_TOLD = " and ".join(str(dtype).removeprefix("torch.") for dtype in _PRECISIONS)


def checked_precision(dtype: Any, what: str = "dtype") -> torch.dtype:
    """Single or double; raises InputError for others: shorter ones round sums and probabilities of draws by
    more than the errors that are told of them, and the rest are no real numbers.
    """
    if not isinstance(dtype, torch.dtype) or dtype not in _PRECISIONS:
        raise InputError(f"{what} of a machine is one of {_TOLD} of torch; got {shown(dtype)}")
    return dtype


def checked_device(device: Any) -> torch.device:
    """A device that holds values here; raises InputError for others."""
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (TypeError, RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"device must be one that torch can use here, such as 'cpu'; got {shown(device)} "
            f"({named(error, 100)})"
        ) from None
    if found.type == "meta":
        raise InputError("device must hold values; got 'meta': take 'cpu'")
    return found


def checked_number(value: Any, what: str) -> float:
    """A finite number; raises InputError for others, text and Booleans among them."""
    if isinstance(value, str | bytes | bool | np.bool_):
        raise InputError(f"{what} must be a number; got {shown(value)}")
    return checked_real(value, what)


def checked_spread(value: Any) -> float:
    """A standard deviation of first couplings; raises InputError for what is none."""
    if (spread := checked_number(value, "spread")) < 0:
        raise InputError(f"spread is a standard deviation, which is not negative; got {spread:g}")
    return spread


def require_computable(name: str, parameter: Tensor) -> None:
    """Raises InputError for a parameter of another precision, or without values."""
    if parameter.dtype not in _PRECISIONS:
        raise InputError(
            f"{name} of the machine must be of {_TOLD}; got {parameter.dtype}: machine.to(torch.float32)"
        )
    if parameter.is_meta:
        raise InputError(
            f"{name} of the machine lie on the device 'meta', which holds no values: make the machine on "
            "another, or load a state dict into machine.to_empty(device='cpu')"
        )


def real_values(data: Any, what: str, expected: str) -> Tensor:
    """As a tensor; raises InputError for what is none, and for complex numbers."""
    try:
        values = torch.as_tensor(data if isinstance(data, Tensor) else np.asarray(data))
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{what} must be {expected}; {error}") from None
    if values.is_complex():
        raise InputError(f"{what} must be {expected}, real numbers; got {values.dtype}: pass their real part")
    return values
