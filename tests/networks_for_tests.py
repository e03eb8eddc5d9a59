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
