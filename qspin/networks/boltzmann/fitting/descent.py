"""One update of the parameters, what it promises, and when a training has diverged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from qspin.errors import InputError, RunError, nearest_name, shown
from qspin.networks.boltzmann.machines import Gradients, Machine, numbers_of
from qspin.networks.boltzmann.machines.accepted import checked_number

__all__ = [
    "Descent",
    "Optimiser",
    "Schedule",
    "ScheduleName",
    "descended",
    "optimiser_of",
    "pace_after",
    "scheduler_of",
    "shrink",
]

Optimiser = Callable[[Iterable[Any]], torch.optim.Optimizer]
Schedule = Callable[[torch.optim.Optimizer], LRScheduler]
ScheduleName = Literal["constant", "linear"]

_COUPLES = frozenset({"weights", "couplings"})
_RATE = 0.02  # of learning, by Adam
_PACE = 0.1  # of the moving average of the persistence of chains
_MOST = 1_000.0  # of a parameter: odds of exp(1000) are those of no data


def optimiser_of(
    machine: Machine, given: Optimiser | None, learning_rate: float | None, weight_decay: float
) -> torch.optim.Optimizer:
    """Of two groups of parameters: what couples units, which decays, and the rest.

    Raises
    ------
    InputError
        If rates are none, or what is given makes no optimiser.
    """
    if given is not None and learning_rate is not None:
        raise InputError("an optimiser has a learning rate of its own: leave learning_rate out, or optimiser")
    rate = checked_number(_RATE if learning_rate is None else learning_rate, "learning_rate")
    decay = checked_number(weight_decay, "weight_decay")
    if rate <= 0 or decay < 0:
        raise InputError(
            f"learning_rate is positive and weight_decay not negative; got {rate:g} and {decay:g}"
        )
    groups = [
        {"params": [p for name, p in machine.named_parameters() if (name in _COUPLES) == decays], **extra}
        for decays, extra in ((True, {"weight_decay": decay}), (False, {"weight_decay": 0.0}))
    ]
    if given is None:
        return torch.optim.Adam(groups, lr=rate, fused=True)
    if not callable(given):
        raise InputError(
            f"optimiser is a function of the parameters, such as lambda p: torch.optim.SGD(p, lr=0.1), or "
            f"None: Adam with learning_rate; got {shown(given)}"
        )
    found = given(groups)
    if not isinstance(found, torch.optim.Optimizer):
        raise InputError(f"optimiser is a function that returns one of torch; it returned {shown(found)}")
    return found


def scheduler_of(
    optimiser: torch.optim.Optimizer, given: Schedule | ScheduleName | None, n_steps: int
) -> LRScheduler | None:
    """Of the learning rates of an optimiser; None where they are constant.

    Raises
    ------
    InputError
        For an unknown name, or what makes no scheduler that is stepped without a metric.
    """
    if isinstance(given, str) and given not in get_args(ScheduleName):
        raise InputError(
            f"schedule {given!r}: {nearest_name(given, get_args(ScheduleName))}; or pass a function of the "
            "optimiser that returns a scheduler of torch"
        )
    if given is None or given == "constant":
        return None
    if given == "linear":
        return LambdaLR(optimiser, lambda step: 1 - step / n_steps)
    if not callable(given):
        raise InputError(
            f"schedule is {' or '.join(get_args(ScheduleName))}, or a function of the optimiser; got "
            f"{shown(given)}"
        )
    found = given(optimiser)
    if not isinstance(found, LRScheduler):
        raise InputError(
            f"schedule is a function that returns a scheduler of torch; it returned {shown(found)}"
        )
    if isinstance(found, ReduceLROnPlateau):
        raise InputError(
            "schedule must be stepped by steps alone; got ReduceLROnPlateau, which takes a metric"
        )
    return found


def pace_after(pace: float, persistence: float) -> float:
    """By what the learning rate is multiplied: 1 - persistence, a moving average over steps.

    Parameters
    ----------
    pace : of the step before
    persistence : of this step; NaN of new chains
    """
    if not math.isfinite(persistence):
        return pace
    return pace + _PACE * (1 - min(max(persistence, 0.0), 1.0) - pace)


class Descent(NamedTuple):
    """What one update was.

    Parameters
    ----------
    rate : of learning, as it was taken
    promised : change of the mean log-likelihood to first order, as the gradients have it, nat
    """

    rate: float
    promised: float


def descended(
    machine: Machine,
    optimiser: torch.optim.Optimizer,
    gradients: Gradients,
    offsets: Tensor | None,
    *,
    norm: float,
    step: int,
    pace: float,
) -> Descent:
    """Update all parameters.

    Parameters
    ----------
    gradients : of minus the mean log-likelihood
    offsets : (N,), with which they are to be centred; None: they are not
    norm : of these
    step : its number, from 1
    pace : by what the learning rate is multiplied

    Raises
    ------
    RunError
        If gradients are none, or a parameter comes to what stands for no probability.
    """
    rate = pace * float(optimiser.param_groups[0]["lr"])
    if not math.isfinite(norm):
        raise _diverged(step, rate, f"the norm of its gradient is {norm:g}")
    directions = gradients if offsets is None else machine.centred(gradients, offsets)
    before = {name: parameter.detach().clone() for name, parameter in machine.named_parameters()}
    for name, parameter in machine.named_parameters():
        parameter.grad = directions[name]
    _stepped(optimiser, pace)
    if offsets is not None:
        machine.follow(before, offsets)
    now = {name: parameter.detach() for name, parameter in machine.named_parameters()}
    promises = [torch.dot(gradients[name].ravel(), (before[name] - now[name]).ravel()) for name in now]
    promised, *largest = numbers_of(sum(promises), *(_largest(values) for values in now.values()))
    for name, found in zip(now, largest, strict=True):
        if not found <= _MOST and not found <= 2 * numbers_of(_largest(before[name]))[0]:
            raise _diverged(step, rate, f"one of its {name} came to {found:.3g}")
    return Descent(rate, promised)


@torch.no_grad()
def shrink(machine: Machine, factor: float) -> None:
    """Multiply all parameters, and with them the energy, where it is linear in them."""
    for parameter in machine.parameters():
        parameter.mul_(factor)


def _stepped(optimiser: torch.optim.Optimizer, pace: float) -> None:
    """One step at its learning rates times `pace`; schedules find them as they were."""
    rates = [group["lr"] for group in optimiser.param_groups]
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = pace * rate
    optimiser.step()
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate


def _largest(values: Tensor) -> float | Tensor:
    if not values.numel():
        return 0.0
    low, high = torch.aminmax(values)
    return torch.maximum(-low, high)


def _diverged(step: int, rate: float, what: str) -> RunError:
    return RunError(
        f"training diverged at step {step}, at the learning rate {rate:g}: {what}. Take a tenth of it, or "
        "more weight_decay"
    )
