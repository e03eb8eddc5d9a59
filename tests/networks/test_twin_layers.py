"""Energies of twins against the layers themselves: E = -sum over layers of <what it gives, f(what it takes)>.

Nothing of the twin is used on the other side but which spins belong to which layer.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from qspin import networks
from qspin.errors import CapacityError, InputError

N_CONFIGURATIONS = 200
stack = nn.Sequential


def parts_of(problem, module, input_shape, seed=0):
    """Random configurations, and those of each layer as tensors (configurations, *shape) in double."""
    rng = np.random.default_rng(seed)
    spins = rng.choice(np.array([-1, 1], np.int8), size=(N_CONFIGURATIONS, problem.n_spins))
    layers = networks.layers_in(module, input_shape)
    ends = np.cumsum([math.prod(layer.shape) for layer in layers])
    cut = np.split(spins, ends[:-1], axis=1)
    return spins, [
        torch.tensor(part.reshape(-1, *layer.shape), dtype=torch.float64)
        for part, layer in zip(cut, layers, strict=True)
    ]


def inner(a, b):
    return (a * b).flatten(1).sum(1)


def check(module, input_shape, energy):
    """`energy` takes the spins of each layer, and says minus the energy."""
    module = module.double().eval()
    problem = networks.twin(module, input_shape=input_shape, biases=True, scale="none")
    spins, layers = parts_of(problem, module, input_shape)
    with torch.no_grad():
        expected = -energy(*layers).numpy()
    np.testing.assert_allclose(problem.energies(spins), expected, rtol=0, atol=1e-9)
    return problem


def settled(norm):
    """With statistics and scales that are not those of a fresh layer."""
    with torch.no_grad():
        for name in ("weight", "bias", "running_mean", "running_var"):
            if getattr(norm, name, None) is not None:
                getattr(norm, name).uniform_(0.5, 1.5)
    return norm


CONVOLUTIONS = [
    (nn.Conv1d(3, 4, 3), (3, 7)),
    (nn.Conv1d(4, 6, 2, stride=3, groups=2, bias=False), (4, 8)),
    (nn.Conv1d(2, 3, 3, padding=2, padding_mode="circular"), (2, 5)),
    (nn.Conv2d(3, 4, 3, padding=1), (3, 6, 5)),
    (nn.Conv2d(4, 8, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2), groups=4), (4, 9, 7)),
    (nn.Conv2d(2, 3, (3, 4), padding="same"), (2, 5, 6)),
    (nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (2, 4, 5)),
    (nn.Conv2d(2, 3, 3, padding=2, padding_mode="replicate"), (2, 4, 5)),
    (nn.Conv2d(1, 2, 3, padding=3, padding_mode="circular"), (1, 3, 3)),
    (nn.Conv3d(2, 2, 2, stride=2), (2, 4, 3, 2)),
]


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS, ids=lambda given: str(given))
def test_convolutions(layer, shape):
    check(layer, shape, lambda x, y: inner(y, layer(x)))


class Block(nn.Module):
    """A residual block, averaged and classified."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = settled(nn.BatchNorm2d(4))
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.skip = nn.Conv2d(3, 4, 1)
        self.pool = nn.AvgPool2d(2)
        self.last = nn.Linear(4 * 6, 5)

    def forward(self, x):
        hidden = torch.relu(self.norm(self.first(x)))
        out = torch.relu(self.second(hidden) + self.skip(x) + hidden)
        return self.last(torch.flatten(self.pool(out), 1))


def test_residual_blocks():
    net = Block()

    def energy(x, hidden, out, logits):
        return (
            inner(hidden, net.norm(net.first(x)))
            + inner(out, net.second(hidden) + net.skip(x) + hidden)
            + inner(logits, net.last(net.pool(out).flatten(1)))
        )

    problem = check(net, (3, 4, 6), energy)
    assert [layer.name for layer in networks.layers_in(net, (3, 4, 6))] == ["input", "first", "add", "last"]
    assert list(problem.known.groups) == ["layer 0", "layer 1", "layer 2", "layer 3"]
    assert problem.labels[-1] == "3:4"


def test_a_skip_past_an_activation_joins_spins_that_are_there():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x):
            return self.b(x + torch.tanh(self.a(x)))

    net = Net()
    check(
        net,
        (4,),
        lambda x, a, total, out: inner(a, net.a(x)) + inner(total, x + a) + inner(out, net.b(total)),
    )


POOLINGS = [
    (nn.AvgPool1d(3, stride=2, padding=1), (2, 7)),
    (nn.AvgPool1d(3, stride=2, ceil_mode=True), (2, 6)),
    (nn.AvgPool2d(2, count_include_pad=False, padding=1), (2, 5, 4)),
    (nn.AvgPool2d((3, 2), stride=(1, 2), ceil_mode=True, padding=(1, 0)), (2, 5, 5)),
    (nn.AvgPool2d(2, divisor_override=3), (2, 4, 4)),
    (nn.AdaptiveAvgPool1d(3), (2, 7)),
    (nn.AdaptiveAvgPool2d((2, None)), (2, 5, 3)),
    (nn.AdaptiveAvgPool2d(1), (3, 4, 4)),
]


@pytest.mark.parametrize(("pool", "shape"), POOLINGS, ids=lambda given: str(given))
def test_means_go_into_the_layer_that_takes_them(pool, shape):
    size = pool(torch.zeros(1, *shape)).flatten(1).shape[1]
    net = nn.Sequential(pool, nn.Flatten(), nn.Linear(size, 3))
    check(net, shape, lambda x, y: inner(y, net(x)))


def test_a_maximum_counts_as_the_mean_of_its_window():
    same, mean = nn.Linear(2 * 3 * 3, 3), nn.AvgPool2d(3, 2, 1, count_include_pad=False)
    net = nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.Flatten(), same)
    check(net, (2, 5, 5), lambda x, y: inner(y, same(mean(x).flatten(1))))


def test_functions_in_the_place_of_layers():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.last = nn.Conv2d(1, 2, 3), nn.Linear(2, 3)
            self.shift = nn.Parameter(torch.arange(2.0).reshape(2, 1, 1))

        def forward(self, x):
            x = functional.avg_pool2d(functional.relu(2 * self.conv(x) + self.shift), 2)
            x = x.mean(dim=(-2, -1)) - 0.5
            return functional.linear(x, self.last.weight, self.last.bias) / 4

    net = Net()

    def energy(x, hidden, out):
        mean = functional.avg_pool2d(hidden, 2).mean(dim=(2, 3)) - 0.5
        return inner(hidden, 2 * net.conv(x) + net.shift) + inner(out, net.last(mean) / 4)

    check(net, (1, 6, 6), energy)


def test_values_that_are_moved():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(8, 2)

        def forward(self, x):
            left, right = self.a(x.permute(0, 2, 1)).tanh().chunk(2, dim=1)
            both = torch.cat([right, left[:, :, [3, 0, 1, 2]]], dim=2)
            return self.b(both.transpose(1, 2).reshape(x.size(0), -1)[:, ::2])

    net = Net()

    def energy(x, hidden, out):
        left, right = hidden.chunk(2, dim=1)
        both = torch.cat([right, left[:, :, [3, 0, 1, 2]]], dim=2).transpose(1, 2).reshape(len(x), -1)
        return inner(hidden, net.a(x.permute(0, 2, 1))) + inner(out, net.b(both[:, ::2]))

    check(net, (3, 4), energy)


def heads(x, n_heads):
    return x.reshape(*x.shape[:2], n_heads, -1)


def attention_energy(layer, x, q, k, v):
    """Of queries, keys and values, and what reaches the output."""
    weights, biases = layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3)
    total = sum(inner(s, x @ w.T + b) for s, w, b in zip((q, k, v), weights, biases, strict=True))
    size = layer.embed_dim // layer.num_heads
    logits = torch.einsum("ctha,cuha->ctuh", heads(q, layer.num_heads), heads(k, layer.num_heads))
    return total + logits.sum((1, 2, 3)) / size**0.5, layer.out_proj(v.mean(1, keepdim=True)).expand_as(x)


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


def test_attention():
    net = Attending()
    nn.init.normal_(net.attention.in_proj_bias)
    nn.init.normal_(net.attention.out_proj.bias)

    def energy(x, q, k, v, out):
        within, given = attention_energy(net.attention, x, q, k, v)
        return within + inner(out, given)

    check(net, (4, 6), energy)


@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_layers(norm_first):
    layer = nn.TransformerEncoderLayer(6, 2, 10, batch_first=True, norm_first=norm_first)
    for norm in (layer.norm1, layer.norm2):
        settled(norm)

    def scaled(norm, x):
        return x * norm.weight + norm.bias

    def energy(x, q, k, v, first, hidden, second):
        before = (lambda norm, x: scaled(norm, x)) if norm_first else (lambda norm, x: x)
        after = (lambda norm, x: x) if norm_first else scaled
        within, given = attention_energy(layer.self_attn, before(layer.norm1, x), q, k, v)
        return (
            within
            + inner(first, after(layer.norm1, x + given))
            + inner(hidden, layer.linear1(before(layer.norm2, first)))
            + inner(second, after(layer.norm2, first + layer.linear2(hidden)))
        )

    check(layer, (3, 6), energy)


def test_recurrent_layers_are_unrolled():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(5, 3)
            self.cells = nn.RNN(3, 4, batch_first=True)
            self.last = nn.Linear(4, 5)

        def forward(self, x):
            return self.last(self.cells(self.words(x))[0][:, -1])

    net = Net()

    def energy(words, vectors, *others):
        states, out = others[:-1], others[-1]
        total = inner(vectors, words @ net.words.weight)
        before = torch.zeros_like(states[0])
        for t, state in enumerate(states):
            cell = net.cells
            given = functional.linear(vectors[:, t], cell.weight_ih_l0, cell.bias_ih_l0)
            total = total + inner(
                state, given + functional.linear(before, cell.weight_hh_l0, cell.bias_hh_l0)
            )
            before = state
        return total + inner(out, net.last(before))

    check(net, (3,), energy)


def test_gates_are_spins_and_so_is_the_state():
    net = nn.Sequential(nn.LSTM(3, 2, batch_first=True))[0]

    def energy(x, *spins):
        total, before = 0.0, None
        for t in range(2):
            gates, state = torch.cat(spins[5 * t : 5 * t + 4], dim=1), spins[5 * t + 4]
            given = functional.linear(x[:, t], net.weight_ih_l0, net.bias_ih_l0 + net.bias_hh_l0)
            if before is not None:
                given = given + functional.linear(before, net.weight_hh_l0)
            total = total + inner(gates, given) + inner(state, sum(spins[5 * t : 5 * t + 4]))
            before = state
        return total

    check(net, (2, 3), energy)


@pytest.mark.parametrize(
    ("norm", "shape"),
    [
        (nn.GroupNorm(2, 4), (4, 3)),
        (nn.LayerNorm((4, 3)), (4, 3)),
        (nn.InstanceNorm1d(4, affine=True), (4, 3)),
    ],
    ids=lambda given: str(given),
)
def test_normalisations_by_their_input_act_by_their_scale(norm, shape):
    layer = nn.Conv1d(2, 4, 1)
    settled(norm)
    weight, bias = ((p[:, None] if p.ndim == 1 else p) for p in (norm.weight, norm.bias))
    check(
        nn.Sequential(layer, norm, nn.ReLU()),
        (2, 3),
        lambda x, y: inner(y, layer(x) * weight + bias),
    )


# -- temperature, parts, size -------------------------------------------------------------------------


def test_critical_temperature_of_a_chain_is_that_of_its_sizes():
    net = nn.Sequential(nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3))
    problem, plain = networks.twin(net), networks.twin(net, scale="none")
    factor = networks.critical_temperature([12, 7, 5, 3])
    np.testing.assert_allclose(problem.toarray() * factor, plain.toarray(), rtol=1e-12)


def test_critical_temperature_of_a_convolution_by_its_variances():
    """The largest eigenvalue of the matrix of variances, written down entry by entry."""
    net = nn.Conv1d(2, 3, 3, padding=1, bias=False)
    with torch.no_grad():
        net.weight.fill_(1.0)
    plain = networks.twin(net, input_shape=(2, 6), scale="none")
    variances = plain.toarray() ** 2 / (3 * 6)
    factor = np.sqrt(np.linalg.eigvalsh(variances)[-1])
    problem = networks.twin(net, input_shape=(2, 6))
    np.testing.assert_allclose(problem.toarray() * factor, plain.toarray(), rtol=1e-9)


def test_layers_and_neurons_that_are_kept():
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    whole = networks.twin(net, scale="none", biases=True)
    place = {label: k for k, label in enumerate(whole.labels)}
    for given in ({"layers": [1, 2]}, {"layers": ["2", "4"]}, {"max_spins": 9, "seed": 3}):
        part = networks.twin(net, scale="none", biases=True, **given)
        kept = [place[label] for label in part.labels]
        np.testing.assert_array_equal(part.toarray(), whole.toarray()[np.ix_(kept, kept)])
        np.testing.assert_array_equal(part.fields, whole.fields[kept])
    assert part.n_spins <= 9
    assert {label.split(":")[0] for label in part.labels} == {"0", "1", "2", "3"}
    assert part == networks.twin(net, scale="none", biases=True, max_spins=9, seed=3)


def resnet18(width=64):
    def block(n_in, n_out, stride):
        return nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, 1), nn.ReLU(), nn.Conv2d(n_out, n_out, 3, 1, 1), nn.ReLU()
        )

    sizes = [width, width, 2 * width, 4 * width, 8 * width]
    blocks = [
        part
        for k, (n_in, n_out) in enumerate(itertools.pairwise(sizes))
        for part in (block(n_in, n_out, 1 + (k > 0)), block(n_out, n_out, 1))
    ]
    return nn.Sequential(nn.Conv2d(3, width, 3, 1, 1), nn.ReLU(), *blocks)


def test_what_does_not_fit_is_refused_before_it_is_made():
    with pytest.raises(CapacityError, match=r"couplings of a twin of \d+ spins.*max_spins"):
        networks.twin(resnet18(256), input_shape=(3, 64, 64))


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (lambda: nn.ConvTranspose2d(1, 1, 2), (1, 4, 4), "ConvTranspose2d, which the twin does not"),
        (lambda: nn.Conv2d(3, 4, 3), (1, 8, 8), r"takes 3 channels.*\(1, 8, 8\)"),
        (lambda: nn.Conv2d(3, 4, 3), (3, 2, 8), "window is longer than the 2 values"),
        (lambda: nn.Conv2d(3, 4, 3), None, "give input_shape"),
        (lambda: nn.Conv2d(3, 4, 3), (0, 8, 8), "positive sizes"),
        (lambda: stack(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False)), None, "running stat"),
        (lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(5)), None, "normalises 5 channels"),
        (lambda: nn.GRU(3, 4), (5, 3), "set batch_first=True"),
        (lambda: nn.GRU(3, 4, batch_first=True, bidirectional=True), (5, 3), "bidirectional has no rule"),
        (lambda: nn.MultiheadAttention(4, 2), (3, 4), "set batch_first=True"),
        (lambda: nn.MultiheadAttention(4, 2, batch_first=True, add_zero_attn=True), (3, 4), "add_zero_attn"),
        (lambda: nn.Sequential(nn.Linear(2, 3), nn.Embedding(4, 2)), None, "must take the tokens that go in"),
    ],
)  # fmt: skip
def test_layers_that_cannot_be(make, shape, message):
    with pytest.raises(InputError, match=message):
        networks.twin(make(), input_shape=shape)


def test_parts_that_are_none():
    net = nn.Linear(3, 2)
    for given, message in (
        ({"layers": [2]}, "numbered 0 to 1"),
        ({"layers": ["conv"]}, "no layer 'conv'"),
        ({"max_spins": 0}, "max_spins"),
        ({"scale": "half"}, "'critical' or 'none'"),
    ):
        with pytest.raises(InputError, match=message):
            networks.twin(net, **given)


def test_tied_weights():
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    net[2].weight = net[0].weight
    with pytest.raises(InputError, match="'0' is applied again, as '2', and its weights are shared"):
        networks.twin(net)


class Deciding(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x):
        x = self.first(x)
        return self.second(x) if x.sum() > 0 else self.second(-x)


def test_a_forward_that_cannot_be_followed_takes_layers_in_their_order():
    net = Deciding()
    with pytest.warns(UserWarning, match=r"in which they are registered: first, second"):
        problem = networks.twin(net, scale="none")
    assert problem == networks.twin(nn.Sequential(net.first, nn.ReLU(), net.second), scale="none")


def test_an_order_that_is_no_chain():
    net = Deciding()
    net.first, net.second = nn.Linear(4, 3), nn.Linear(4, 2)
    with pytest.raises(InputError, match="cannot be followed.*are no chain"):
        networks.twin(net)


def test_weights_are_of_chains_alone():
    with pytest.raises(InputError, match="more than a linear layer"):
        networks.weights_of(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.LayerNorm(3), Attending2()))


class Attending2(nn.Module):
    def forward(self, x):
        return x + 2 * x
