"""Modules that configs of the tests name."""

from __future__ import annotations

import torch


def small():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )


def wants(size):
    return torch.nn.Linear(size, 2)


def number():
    return 3


def coarse():
    """For digits of 4x3 pixels; behaves in training as it does not afterwards."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 2),
        torch.nn.BatchNorm2d(2),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.1),
        torch.nn.Flatten(),
        torch.nn.Linear(12, 3),
    )


def sums():
    """Of two numbers below 5, as tokens."""
    return torch.nn.Sequential(
        torch.nn.Embedding(5, 6),
        torch.nn.Flatten(),
        torch.nn.Linear(12, 32),
        torch.nn.ReLU(),
        torch.nn.Linear(32, 5),
    )


def counting():
    """Looks at the numbers that go in: gradients of single examples do not go through it."""

    class Counting(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(12, 3)

        def forward(self, x):
            return self.layer(x) * float(x.sum().item() > -1e9)

    return Counting()


def coarse_too():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
