"""Optimisers by name, and the one whose noise has a temperature. Needs torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from qspin.errors import InputError
from qspin.networks.training.recipe import Recipe

__all__ = ["MOMENTUM", "OPTIMISERS", "Langevin", "optimiser_of"]

MOMENTUM = 0.9


class Langevin(torch.optim.Optimizer):
    """Stochastic gradient Langevin dynamics (Welling, Teh 2011, ICML, 681): a step is ``-lr gradient +
    sqrt(2 lr temperature) xi`` with standard normal xi from torch's generator.

    With the gradient of the whole loss L and small lr it samples exp(-L / temperature). Gradients of batches
    add noise of their own, see `qspin.networks.training.noise`.

    Parameters
    ----------
    params : of a module
    lr : length of a step
    temperature : in units of the loss; not negative
    weight_decay : added to the gradient as weight_decay x parameters
    """

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float,
        temperature: float,
        weight_decay: float = 0.0,
    ):
        if not lr > 0 or not temperature >= 0 or not weight_decay >= 0:
            raise InputError(
                "Langevin takes a positive lr, and a temperature and weight_decay that are not negative; got "
                f"{lr:g}, {temperature:g} and {weight_decay:g}"
            )
        super().__init__(params, {"lr": lr, "temperature": temperature, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step, without a closure."""
        for group in self.param_groups:
            width = math.sqrt(2 * group["lr"] * group["temperature"])
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                slope = parameter.grad + group["weight_decay"] * parameter
                parameter.add_(slope, alpha=-group["lr"])
                parameter.add_(torch.randn_like(parameter), alpha=width)


Maker = Callable[[Any, Recipe], torch.optim.Optimizer]

OPTIMISERS: Mapping[str, Maker] = {
    "adam": lambda p, r: torch.optim.Adam(p, lr=r.learning_rate, weight_decay=r.weight_decay),
    "adamw": lambda p, r: torch.optim.AdamW(p, lr=r.learning_rate, weight_decay=r.weight_decay),
    "langevin": lambda p, r: Langevin(p, r.learning_rate, r.temperature, r.weight_decay),
    "momentum": lambda p, r: torch.optim.SGD(
        p, lr=r.learning_rate, momentum=MOMENTUM, weight_decay=r.weight_decay
    ),
    "sgd": lambda p, r: torch.optim.SGD(p, lr=r.learning_rate, weight_decay=r.weight_decay),
}


def optimiser_of(module: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimiser of a recipe, of the parameters that can be trained."""
    return OPTIMISERS[recipe.optimiser]([p for p in module.parameters() if p.requires_grad], recipe)
