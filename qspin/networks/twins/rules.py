"""Which function makes the twin of which layer: adding one is a function and a line here.

A rule takes (layer, form of what it is given, wiring, name) and returns the form of what it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qspin.networks.twins.attention import attention, encoder, encoder_layer
from qspin.networks.twins.convolution import convolution
from qspin.networks.twins.dense_layers import embedding, linear
from qspin.networks.twins.forms import Form
from qspin.networks.twins.normalisation import by_scale, folded, grouped
from qspin.networks.twins.pooling import adaptive_pool, pool
from qspin.networks.twins.recurrent import recurrent
from qspin.networks.twins.wiring import Wiring

__all__ = ["ACTIVATIONS", "NAMED", "RULES", "UNCHANGED", "Rule"]

Rule = Callable[[Any, Form, Wiring, str], Form]

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d"), adaptive_pool),
    **dict.fromkeys(("AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d"), adaptive_pool),
    **dict.fromkeys(("AvgPool1d", "AvgPool2d", "AvgPool3d"), pool),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNorm3d"), folded),
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d"), convolution),
    "Embedding": embedding,
    **dict.fromkeys(("GRU", "LSTM", "RNN"), recurrent),
    **dict.fromkeys(("GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"), grouped),
    **dict.fromkeys(("LayerNorm", "RMSNorm"), by_scale),
    "Linear": linear,
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "MaxPool3d"), pool),
    "MultiheadAttention": attention,
    "TransformerEncoder": encoder,
    "TransformerEncoderLayer": encoder_layer,
}

NAMED = ", ".join(RULES)

ACTIVATIONS = frozenset({
    "CELU", "ELU", "GELU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "LogSoftmax",
    "Mish", "PReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh",
})  # fmt: skip
"""Layers that act on each neuron where it stands."""

UNCHANGED = frozenset({"AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "Identity"})
"""Layers that do nothing after training."""
