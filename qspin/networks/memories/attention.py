"""Attention as a memory: modern Hopfield layers and blocks with an energy, as torch modules.

Needs torch, which nothing else of this room does.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from qspin.errors import InputError
from qspin.networks.twins.reading import numbers_of
from qspin.problem import IsingProblem

__all__ = ["EnergyTransformerBlock", "ModernHopfield", "token_couplings"]

_HALVINGS = 40  # of a step, after which an example stays where it is


class ModernHopfield(nn.Module):
    """A modern Hopfield layer: one step is attention to stored patterns (Ramsauer et al. 2020,
    arXiv:2008.02217).

    ``E(x) = -1/beta log sum_mu exp(beta x_mu . x) + |x|^2 / 2``, and the step ``x -> X^T softmax(beta X x)``
    never raises it.

    Parameters
    ----------
    patterns : tensor (P, d), stored as a buffer
    beta : inverse temperature of the softmax; default 1 / sqrt(d), that of attention
    """

    patterns: torch.Tensor

    def __init__(self, patterns: torch.Tensor, beta: float | None = None):
        super().__init__()
        if patterns.ndim != 2 or 0 in patterns.shape:
            raise InputError(f"patterns must have shape (P, d); got {tuple(patterns.shape)}")
        if beta is not None and beta <= 0:
            raise InputError(f"beta must be positive; got {beta:g}")
        self.register_buffer("patterns", patterns)
        self.beta = 1 / math.sqrt(patterns.shape[1]) if beta is None else float(beta)

    def energy(self, x: torch.Tensor) -> torch.Tensor:
        """Of states (..., d), shape (...)."""
        logits = self.beta * x @ self.patterns.T
        return -torch.logsumexp(logits, dim=-1) / self.beta + (x**2).sum(dim=-1) / 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One step, (..., d)."""
        return torch.softmax(self.beta * x @ self.patterns.T, dim=-1) @ self.patterns


class EnergyTransformerBlock(nn.Module):
    """Tokens that descend an energy of attention and memory (Hoover et al. 2023, arXiv:2302.07253).

    With g = layer-normalised tokens, ``E = -1/beta sum_h sum_t log sum_(u != t) exp(beta q_t . k_u) - 1/2
    sum relu(M g)^2``. A step goes against the gradient with respect to g; it is halved until the energy does
    not rise.

    Parameters
    ----------
    n_values : of a token
    n_heads, head_size : of the attention
    n_memories : rows of M
    """

    def __init__(self, n_values: int, n_heads: int = 2, head_size: int = 8, n_memories: int = 32):
        super().__init__()
        scale = 1 / math.sqrt(n_values)
        self.norm = nn.LayerNorm(n_values)
        self.queries = nn.Parameter(scale * torch.randn(n_heads, head_size, n_values))
        self.keys = nn.Parameter(scale * torch.randn(n_heads, head_size, n_values))
        self.memories = nn.Parameter(scale * torch.randn(n_memories, n_values))
        self.beta = 1 / math.sqrt(head_size)

    def energy(self, x: torch.Tensor) -> torch.Tensor:
        """Of tokens (..., tokens, n_values), shape (...)."""
        return self._of_normed(self.norm(x))

    def _of_normed(self, g: torch.Tensor) -> torch.Tensor:
        q = torch.einsum("hdv,...tv->...htd", self.queries, g)
        k = torch.einsum("hdv,...tv->...htd", self.keys, g)
        logits = self.beta * q @ k.transpose(-1, -2)
        itself = torch.eye(logits.shape[-1], dtype=torch.bool, device=logits.device)
        logits = logits.masked_fill(itself, -torch.inf)
        attention = -torch.logsumexp(logits, dim=-1).sum(dim=(-1, -2)) / self.beta
        memory = -0.5 * torch.relu(g @ self.memories.T).square().sum(dim=(-1, -2))
        return attention + memory

    def forward(self, x: torch.Tensor, n_steps: int = 1, rate: float = 0.1) -> torch.Tensor:
        """Tokens (..., tokens, n_values) after steps that do not raise the energy of any example."""
        if x.ndim < 2 or x.shape[-2] < 2:
            raise InputError(
                f"the block attends to other tokens, of which there must be some; got {tuple(x.shape)}"
            )
        for _ in range(n_steps):
            with torch.enable_grad():
                g = self.norm(x)
                leaf = g if g.requires_grad else g.requires_grad_()
                (slope,) = torch.autograd.grad(self._of_normed(leaf).sum(), leaf, create_graph=self.training)
            x = self._lowered(x, slope, rate)
        return x

    def _lowered(self, x: torch.Tensor, slope: torch.Tensor, rate: float) -> torch.Tensor:
        """A step along the slope: of each example the longest of rate / 2^k that raises no energy."""
        before = self.energy(x)
        step = torch.full_like(before, rate)
        for _ in range(_HALVINGS):
            moved = x - step[..., None, None] * slope
            rising = self.energy(moved) > before
            if not rising.any():
                return moved
            step = torch.where(rising, step / 2, step)
        return torch.where(rising[..., None, None], x, moved)


def token_couplings(attention: nn.MultiheadAttention, tokens: torch.Tensor, head: int = 0) -> IsingProblem:
    """The logits of one attention head as couplings between tokens, one spin each.

    ``J_tu = -(q_t . k_u + q_u . k_t) / (2 sqrt(size of the head))``: the symmetric part, since an energy has
    no other. Tokens that attend to each other are coupled ferromagnetically. A choice of this project.

    Parameters
    ----------
    attention : a self-attention whose queries, keys and values have one size
    tokens : (tokens, n_values)
    head : its number

    Raises
    ------
    InputError
        If sizes do not fit, or there is no such head.
    """
    n = attention.embed_dim
    if tokens.ndim != 2 or tokens.shape[1] != n:
        raise InputError(f"tokens must have shape (tokens, {n}); got {tuple(tokens.shape)}")
    if not 0 <= head < attention.num_heads:
        raise InputError(f"heads are numbered 0 to {attention.num_heads - 1}; got {head}")
    if attention.in_proj_weight is None:
        raise InputError("token_couplings takes an attention without kdim and vdim")
    weights = numbers_of(attention.in_proj_weight, "in_proj_weight")
    bias = np.zeros(3 * n)
    if attention.in_proj_bias is not None:
        bias = numbers_of(attention.in_proj_bias, "in_proj_bias")
    size = n // attention.num_heads
    rows = slice(head * size, (head + 1) * size)
    x = numbers_of(tokens, "tokens")
    q = x @ weights[:n][rows].T + bias[:n][rows]
    k = x @ weights[n : 2 * n][rows].T + bias[n : 2 * n][rows]
    logits = q @ k.T / math.sqrt(size)
    couplings = -(logits + logits.T) / 2
    np.fill_diagonal(couplings, 0.0)
    return IsingProblem(couplings)
