"""The noise of stochastic gradients as a temperature. Needs torch.

A step of gradient descent with batches of B of n examples is ``-eta (g + epsilon)``. If S is the covariance
of the gradients of single examples, that of epsilon, for a batch drawn without repetition, is ``S (n - B) /
((n - 1) B)``. Langevin dynamics of the same step at temperature T has noise of covariance ``2 eta T`` in
every direction; both have the same strength over all d parameters at

    T = eta / (2 B) (n - B) / (n - 1) tr S / d,

with eta / (1 - mu) in the place of eta for momentum mu (Mandt, Hoffman, Blei 2017, J. Mach. Learn. Res. 18,
134; Jastrzebski et al. 2017, arXiv:1711.04623: eta / B; Smith, Le 2018, arXiv:1710.06451: eta n / B of the
summed loss). It is the temperature of a Gibbs distribution exp(-L / T), L the mean loss, only where S is the
same in all directions and everywhere; elsewhere it is the mean over directions, at one place. Batches that
pass through all examples once an epoch make noise that cancels over an epoch: slow directions, with
relaxation times of an epoch and more, are then colder.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.func import functional_call, grad, vmap

from qspin.errors import InputError, RunError
from qspin.networks.training.losses import loss_of
from qspin.networks.training.optimisers import MOMENTUM
from qspin.networks.training.recipe import Recipe

__all__ = ["GradientNoise", "gradient_noise", "noise_curves", "noise_temperature"]

_CHUNK_BYTES = 2**28  # of gradients of single examples at once
_MOMENTA = {"sgd": 0.0, "langevin": 0.0, "momentum": MOMENTUM}


@dataclass(frozen=True)
class GradientNoise:
    """Gradients of single examples.

    Parameters
    ----------
    variance : tr S, the mean squared distance of a gradient from their mean, over n examples
    mean_square : squared length of the mean gradient
    n_parameters, n_examples : d and n
    """

    variance: float
    mean_square: float
    n_parameters: int
    n_examples: int

    def temperature(self, learning_rate: float, batch_size: int, *, momentum: float = 0.0) -> float:
        """That noise of batches amounts to, in units of the mean loss; see this module.

        Raises
        ------
        InputError
            If the learning rate is not positive, the batch is empty, or momentum lies outside 0 ... 1.
        """
        if not learning_rate > 0 or batch_size < 1 or not 0 <= momentum < 1:
            raise InputError(
                "a noise temperature takes a positive learning_rate, a batch_size from 1 on and a momentum "
                f"from 0 to below 1; got {learning_rate:g}, {batch_size} and {momentum:g}"
            )
        size = min(batch_size, self.n_examples)
        drawn = (self.n_examples - size) / max(self.n_examples - 1, 1)
        rate = learning_rate / (1 - momentum)
        return rate * drawn * self.variance / (2 * size * self.n_parameters)


def gradient_noise(module: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> GradientNoise:
    """Of the loss of a network on examples, behaving as after training.

    Parameters
    ----------
    module : any; its parameters that can be trained count
    inputs, targets : (n, ...) and (n, ...); classes as integers, or numbers

    Raises
    ------
    InputError
        If there are no examples, or nothing can be trained.
    RunError
        If torch cannot follow the gradients of single examples through the module.
    """
    weights = {name: p.detach() for name, p in module.named_parameters() if p.requires_grad}
    size = sum(value.numel() for value in weights.values())
    if not len(targets) or not size:
        raise InputError("gradient noise takes examples, and a module with parameters that can be trained")

    def loss(values: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return loss_of(functional_call(module, values, (x[None],)), y[None])

    was_training = module.training
    module.eval()
    try:
        single = vmap(grad(loss), in_dims=(None, 0, 0))
        total = torch.zeros(size, dtype=torch.float64)
        squares = 0.0
        for rows in torch.arange(len(targets)).split(max(1, _CHUNK_BYTES // (8 * size))):
            found = single(weights, inputs[rows], targets[rows])
            slopes = torch.cat([value.flatten(1) for value in found.values()], dim=1).double()
            total += slopes.sum(dim=0)
            squares += float(slopes.square().sum())
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"torch cannot give the gradients of single examples: {reason}; leave out noise"
        ) from error
    finally:
        module.train(was_training)
    mean = float((total / len(targets)).square().sum())
    return GradientNoise(max(squares / len(targets) - mean, 0.0), mean, size, len(targets))


def noise_temperature(noise: GradientNoise, recipe: Recipe) -> float | None:
    """Of a recipe's steps, the temperature of a Langevin optimiser included; None for optimisers that scale
    each direction of a step by itself, which have none.
    """
    if (momentum := _MOMENTA.get(recipe.optimiser)) is None:
        return None
    found = noise.temperature(recipe.learning_rate, recipe.batch_size, momentum=momentum)
    return recipe.temperature + found


def noise_curves(
    module: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor, recipe: Recipe
) -> dict[str, float]:
    """``gradient_variance``, tr S a parameter, and ``noise_temperature`` where there is one."""
    found = gradient_noise(module, inputs, targets)
    temperature = noise_temperature(found, recipe)
    told = {"gradient_variance": found.variance / found.n_parameters}
    return told if temperature is None else {**told, "noise_temperature": temperature}
