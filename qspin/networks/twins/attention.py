"""Attention and the blocks around it.

Rules of ours, since the mixing weights of an attention depend on its input. Queries, keys and values are
neurons, coupled to their input by their weights. A query and a key of one head are coupled value by value
with 1 / sqrt(size of the head): minus that sum is the logit of the pair. Values reach the output through the
output weights as if every token looked at all alike.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import sparse

from qspin.errors import InputError
from qspin.networks.twins.dense_layers import linear
from qspin.networks.twins.forms import Form, Matrix, dense
from qspin.networks.twins.normalisation import by_scale
from qspin.networks.twins.parts import tokenwise
from qspin.networks.twins.reading import numbers_of
from qspin.networks.twins.wiring import Wiring

__all__ = ["attention", "encoder", "encoder_layer"]


def attention(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Self-attention of tokens (tokens, values)."""
    if not layer.batch_first:
        raise InputError(f"layer {name!r}: set batch_first=True, so that axes are (batch, token, value)")
    if layer.bias_k is not None or layer.add_zero_attn or not layer._qkv_same_embed_dim:
        raise InputError(
            f"layer {name!r}: add_bias_kv, add_zero_attn, kdim and vdim have no rule; the twin takes "
            "queries, keys and values of one size"
        )
    n_values = layer.embed_dim
    if len(given.shape) != 2 or given.shape[1] != n_values:
        raise InputError(
            f"layer {name!r} takes tokens of {n_values} values; what it is given has the shape {given.shape}"
        )
    tokens = wiring.settled(given)
    query, key, value = _projected(layer, tokens, wiring, name)
    n_tokens, each = given.shape[0], n_values // layer.num_heads
    every = np.ones((n_tokens, n_tokens))
    strength = sparse.csr_array(np.eye(n_values) / math.sqrt(each))
    wiring.couple(query, key, _fixed(every, strength))
    mixed = value.applied(
        _fixed(every / n_tokens, sparse.eye_array(n_values, format="csr")),
        np.zeros(value.size),
        value.shape,
        name,
        is_new=False,
    )
    out = layer.out_proj
    bias = None if out.bias is None else numbers_of(out.bias, f"bias of layer {name!r}")
    weights = numbers_of(out.weight, f"weight of layer {name!r}")
    return tokenwise(dense(weights, 1 / (3 * n_values)), bias, mixed, name)


def _projected(layer: Any, tokens: Form, wiring: Wiring, name: str) -> list[Form]:
    """Queries, keys and values, as neurons."""
    weights = numbers_of(layer.in_proj_weight, f"in_proj_weight of layer {name!r}")
    bias = None
    if layer.in_proj_bias is not None:
        bias = numbers_of(layer.in_proj_bias, f"in_proj_bias of layer {name!r}")
    n = layer.embed_dim
    parts = []
    for k, which in enumerate(("query", "key", "value")):
        rows = slice(k * n, (k + 1) * n)
        form = tokenwise(
            dense(weights[rows], 1 / (2 * n)),  # Xavier's, of a matrix (3 n, n)
            None if bias is None else bias[rows],
            tokens,
            f"{name}.{which}",
        )
        parts.append(wiring.neurons(form))
    return parts


def _fixed(outer: Any, inner: sparse.csr_array) -> Matrix:
    """A Kronecker product of numbers that nothing learns."""
    n_out, n_in = (outer.shape[0] * inner.shape[0], outer.shape[1] * inner.shape[1])

    def values() -> sparse.csr_array:
        return sparse.csr_array(sparse.kron(sparse.csr_array(outer), inner, format="csr"))

    return Matrix((n_out, n_in), outer.size * inner.nnz, values, lambda: values().power(2))


def encoder_layer(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Attention and two linear layers, each with its skip; normalised before or after."""

    def looked(x: Form) -> Form:
        return attention(layer.self_attn, x, wiring, f"{name}.self_attn")

    def fed(x: Form) -> Form:
        hidden = wiring.neurons(linear(layer.linear1, x, wiring, f"{name}.linear1"))
        return linear(layer.linear2, hidden, wiring, f"{name}.linear2")

    def normed(norm: Any, x: Form) -> Form:
        return by_scale(norm, x, wiring, name)

    stream = wiring.settled(given)
    for norm, part in ((layer.norm1, looked), (layer.norm2, fed)):
        if layer.norm_first:
            stream = wiring.neurons(stream.plus(part(normed(norm, stream)), name))
        else:
            stream = wiring.neurons(normed(norm, stream.plus(part(stream), name)))
    return stream


def encoder(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """A stack of such layers."""
    for k, each in enumerate(layer.layers):
        given = encoder_layer(each, given, wiring, f"{name}.layers.{k}")
    return given if layer.norm is None else by_scale(layer.norm, given, wiring, f"{name}.norm")
