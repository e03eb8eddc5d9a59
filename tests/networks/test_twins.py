"""A twin is of what `forward` does, whatever the order of registration."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune

from qspin import networks
from qspin.errors import InputError


class Net(nn.Module):
    """Parts registered in the order given, applied as `flow` says."""

    def __init__(self, flow, **parts):
        super().__init__()
        self.flow = flow
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.flow(self, x)


def with_weight(**parts):
    return {"weight": nn.Parameter(torch.ones(4)), **parts}


ENCODER, DECODER = nn.Linear(4, 3), nn.Linear(3, 4)
SQUARE, OTHER = nn.Linear(4, 4), nn.Linear(4, 4)


def by_hand(*layers):
    """Couplings -W^T of each layer, written down from the weights."""
    sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
    starts = np.cumsum([0, *sizes])
    expected = np.zeros((starts[-1], starts[-1]))
    for k, layer in enumerate(layers):
        block = -layer.weight.detach().double().numpy()
        expected[starts[k + 1] : starts[k + 2], starts[k] : starts[k + 1]] = block
    return expected + expected.T


def chain(self, x):
    return self.decoder(torch.tanh(self.encoder(x)))


def functional_chain(self, x):
    x = torch.flatten(x, 1).reshape(x.shape[0], -1)
    h = functional.dropout(functional.relu(self.encoder(x)), 0.5, self.training).view(x.size(0), -1)
    return self.decoder(h).softmax(-1)


@pytest.mark.parametrize("flow", [chain, functional_chain])
@pytest.mark.parametrize("order", [("encoder", "decoder"), ("decoder", "encoder")])
def test_the_order_of_registration_changes_nothing(flow, order):
    parts = {"encoder": ENCODER, "decoder": DECODER}
    net = Net(flow, **{name: parts[name] for name in order})
    problem = networks.twin(net, biases=True, scale="none")
    np.testing.assert_array_equal(problem.toarray(), by_hand(ENCODER, DECODER))
    biases = [layer.bias.detach().double().numpy() for layer in (ENCODER, DECODER)]
    np.testing.assert_array_equal(problem.fields, -np.concatenate([np.zeros(4), *biases]))


def test_square_layers_declared_in_the_wrong_order():
    """Nothing but `forward` tells: the sizes fit either way."""
    net = Net(lambda self, x: self.second(self.first(x).relu()), second=SQUARE, first=OTHER)
    np.testing.assert_array_equal(networks.twin(net, scale="none").toarray(), by_hand(OTHER, SQUARE))


def test_modules_within_modules():
    inner = nn.Sequential(nn.Flatten(), ENCODER, nn.Sequential(nn.GELU(), DECODER))
    net = Net(lambda self, x: self.last(self.inner(x)), last=SQUARE, inner=inner)
    expected = by_hand(ENCODER, DECODER, SQUARE)
    np.testing.assert_array_equal(networks.twin(net, scale="none").toarray(), expected)
    np.testing.assert_array_equal(networks.twin(nn.Sequential(net), scale="none").toarray(), expected)
    loop = Net(lambda self, x: [x := layer(x) for layer in self.layers][-1])
    loop.layers = nn.ModuleList([ENCODER, nn.Tanh(), DECODER])
    np.testing.assert_array_equal(networks.twin(loop, scale="none").toarray(), by_hand(ENCODER, DECODER))


def test_what_forward_leaves_out_is_no_part_of_the_twin():
    net = Net(
        lambda self, x: self.encoder(x), unused=SQUARE, encoder=ENCODER, weight=nn.Parameter(torch.ones(3))
    )
    np.testing.assert_array_equal(networks.twin(net, scale="none").toarray(), by_hand(ENCODER))


def overwrites(self, x):
    h = self.encoder(x)
    h.add_(1.0)
    return self.decoder(h)


PARTS = {"encoder": ENCODER, "decoder": DECODER}


@pytest.mark.parametrize(
    ("flow", "parts", "message"),
    [
        (lambda s, x: s.a(s.a(x).tanh()), {"a": SQUARE}, "layer 'a' is applied again.*weights are shared"),
        (lambda s, x: s.b(s.a(x)) + s.a(x), {"a": SQUARE, "b": OTHER}, "layer 'a' is applied again"),
        (lambda s, x: (s.a(x), s.b(x)), {"a": SQUARE, "b": OTHER}, r"must return one tensor.*\(a, b\)"),
        (lambda s, x: {"logits": s.a(x)}, {"a": SQUARE}, "must return one tensor"),
        (lambda s, x: s.a(x) * s.b(x), {"a": SQUARE, "b": OTHER}, "multiplies a and b, values of neurons"),
        (lambda s, x: 1 / s.a(x), {"a": SQUARE}, "divides by values of neurons"),
        (lambda s, x: s.a(x) + s.a.weight[:3, 0], {"a": SQUARE}, r"shape \(3,\) does not spread"),
        (lambda s, x: s.decoder(s.encoder(x)) + s.b(x)[:, :1], {**PARTS, "b": OTHER}, "must be equal"),
        (lambda s, x: s.a(x).mean(), {"a": SQUARE}, "averages over the batch"),
        (lambda s, x: torch.add(s.a(x), s.b(x), alpha=2), {"a": SQUARE, "b": OTHER}, "given alpha, for"),
        (lambda s, x: torch.div(s.a(x), 2, rounding_mode="floor"), {"a": SQUARE}, "is given rounding_mode"),
        (lambda s, x: s.a(x.t()), {"a": SQUARE}, "t moves values from one example"),
        (lambda s, x: s.a(x.flatten()), {"a": SQUARE}, "flatten moves values from one example"),
        (lambda s, x: s.a(torch.sin(x)), {"a": SQUARE}, "sin is applied, which the twin does not"),
        (overwrites, PARTS, "overwrites values by add_"),
        (lambda s, x: torch.ones(4), {"a": SQUARE}, "must return one tensor"),
        (lambda s, x: x @ x.t(), {"a": SQUARE}, "moves values from one example"),
    ],
)  # fmt: skip
def test_what_has_no_rule_is_refused_by_name(flow, parts, message):
    with pytest.raises(InputError, match=message):
        networks.twin(Net(flow, **parts), input_shape=(4,))


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Bilinear(4, 4, 2)

    def forward(self, x, y):
        return self.a(x, y)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class OwnReLU(nn.Module):
    def forward(self, x):
        return x.clamp(min=0)


def hooked():
    net = nn.Sequential(nn.Linear(4, 3))
    net[0].register_forward_hook(lambda module, given, gave: 2 * gave)
    return net


def quantised():
    return torch.ao.nn.quantized.dynamic.Linear(4, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (TwoInputs, "takes a second input, 'y'"),
        (lambda: Doubled(4, 3), "layer 'Doubled' is a .*Doubled, which the twin does not know"),
        (lambda: nn.Sequential(nn.Linear(4, 3), OwnReLU()), "clamp is applied, which"),
        (lambda: nn.Sequential(SQUARE, nn.ReLU(), SQUARE), "layer '0' is applied again and"),
        (hooked, "layer '0' has a forward hook"),
        (lambda: nn.ModuleList([ENCODER, DECODER]), "forward of ModuleList cannot be followed"),
        (lambda: nn.DataParallel(ENCODER), "DataParallel wraps the network; pass its attribute 'module'"),
        (lambda: torch.jit.trace(ENCODER, torch.ones(1, 4)), "compiled .* cannot be followed"),
        (quantised, "is a torch.ao.nn.quantized.*Linear"),
        (lambda: nn.Linear(4, 3, device="meta"), "weight of layer 'Linear' lies on device 'meta'"),
        (lambda: nn.LazyLinear(3), "has no shape yet; call the network once"),
        (lambda: nn.Linear(4, 3, dtype=torch.complex64), "real floating-point numbers; got torch.complex64"),
        (lambda: ENCODER.state_dict(), "got a OrderedDict: load it into its network"),
        (lambda: "weights.pt", "got a path, 'weights.pt'; make the network, load the file"),
        (lambda: [np.ones((3, 4))], "got list; of weights alone, .* to twin_from_weights"),
        (lambda: nn.Linear, "got type"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch.quantize:UserWarning")
def test_what_has_no_twin_is_refused_by_name(make, message):
    with pytest.raises(InputError, match=message):
        networks.twin(make())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_every_floating_precision_becomes_float64_exactly(dtype):
    layer = nn.Linear(4, 3).to(dtype)
    (weight,), (bias,) = networks.weights_of(layer)
    assert weight.dtype == bias.dtype == np.float64
    assert weight.tolist() == layer.weight.tolist()
    assert bias.tolist() == layer.bias.tolist()
    np.testing.assert_array_equal(networks.twin(layer, scale="none").toarray(), by_hand(layer))
    weight += 1  # a copy: the network keeps its own
    assert weight.tolist() != layer.weight.tolist()


@pytest.mark.parametrize("part", ["weight", "bias"])
def test_numbers_that_are_none(part):
    layer = nn.Linear(4, 3)
    with torch.no_grad():
        getattr(layer, part)[0] = torch.nan
    name = {"weight": "weights", "bias": "biases"}[part]
    with pytest.raises(InputError, match=f"{name} of layer 'Linear' are not finite"):
        networks.twin(layer, biases=True)


def test_pruned_and_parametrised_weights():
    """What `forward` multiplies with, not what is stored."""
    layer = nn.Linear(4, 3)
    nn.utils.parametrizations.weight_norm(layer)
    np.testing.assert_array_equal(networks.twin(layer, scale="none").toarray(), by_hand(layer))
    pruned = nn.Linear(4, 3)
    prune.random_unstructured(pruned, "weight", amount=5)
    with pytest.raises(InputError, match=r"forward hook.*prune\.remove"):
        networks.twin(pruned)
    prune.remove(pruned, "weight")
    assert np.count_nonzero(networks.twin(pruned).toarray()) == 2 * 7
    assert networks.twin(pruned).n_couplings == 7  # a weight that is gone is no coupling of strength 0
