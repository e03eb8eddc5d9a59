"""Which linear layers the `forward` of a torch module applies, and in which order.

The order of registration says nothing about it, so the module is traced symbolically (torch.fx). What is no
plain chain of linear layers with activations between them is refused, by the name of what breaks the chain.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qspin.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["linear_chain"]

Layer = tuple[str, "torch.nn.Module"]

_TRANSPARENT = frozenset({
    "AlphaDropout", "CELU", "Dropout", "ELU", "Flatten", "GELU", "Hardsigmoid", "Hardswish", "Hardtanh",
    "Identity", "LeakyReLU", "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "ReLU", "ReLU6", "SELU", "SiLU",
    "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh",
})  # fmt: skip
_FUNCTIONS = (
    "alpha_dropout", "celu", "clone", "detach", "dropout", "elu", "flatten", "gelu", "hardsigmoid",
    "hardswish", "hardtanh", "leaky_relu", "log_softmax", "logsigmoid", "mish", "relu", "relu6", "relu_",
    "reshape", "selu", "sigmoid", "sigmoid_", "silu", "softmax", "softplus", "softsign", "tanh", "tanh_",
)  # fmt: skip
_METHODS = frozenset({*_FUNCTIONS, "contiguous", "double", "float", "to", "view"})
_SIZES = frozenset({"dim", "numel", "size"})  # methods that give numbers, not values of neurons
_WRAPPERS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}
_BETWEEN = "it takes Linear layers with element-wise activations, Dropout and Flatten between them"
_BY_HAND = "pass the matrices, first layer first, to twin_from_weights"


def linear_chain(module: torch.nn.Module) -> list[Layer]:
    """Name and module of the linear layers in the order in which `forward` applies them.

    Raises
    ------
    InputError
        If it is no torch module, or its `forward` is more than a chain; the message names what is.
    """
    _check_module(module)
    path = _stacked(module, "")
    if path is None:
        path = _traced(module)
    return _linear_only(path)


def _check_module(module: Any) -> None:
    torch = sys.modules.get("torch")  # without it there is no module
    if torch is None or not isinstance(module, torch.nn.Module):
        raise InputError(f"twin takes a torch.nn.Module; got {_came(module)}")
    kind = type(module).__name__
    if kind in _WRAPPERS:
        raise InputError(f"a {kind} wraps the network; pass its attribute {_WRAPPERS[kind]!r} instead")
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(f"a compiled {kind} cannot be followed; pass the module that it was made from")
    for name, parameter in module.named_parameters():
        if torch.nn.parameter.is_lazy(parameter):
            raise InputError(
                f"parameter {name!r} has no shape yet; call the network once, then take its twin"
            )
    for name, part in module.named_modules():
        if part._forward_hooks or part._forward_pre_hooks:
            raise InputError(
                f"layer {name or kind!r} has a forward hook, which may change what it computes; remove it "
                "first (pruning: torch.nn.utils.prune.remove)"
            )


def _came(given: Any) -> str:
    if isinstance(given, str | os.PathLike):
        return (
            f"a path, {os.fspath(given)!r}; make the network, load the file with load_state_dict, pass that"
        )
    if isinstance(given, Mapping):
        return f"a {type(given).__name__}: load it into its network with load_state_dict, or {_BY_HAND}"
    return f"{type(given).__name__}; of weights alone, {_BY_HAND}"


def _stacked(module: Any, name: str) -> list[Layer] | None:
    """Layers of nested `Sequential`s, each in its place; None if there is a `forward` to be followed."""
    import torch

    if type(module).forward is torch.nn.Sequential.forward:
        layers: list[Layer] = []
        for child, part in module._modules.items():  # named_children leaves out repetitions
            inside = _stacked(part, f"{name}.{child}" if name else child)
            if inside is None:
                return None
            layers += inside
        return layers
    return [(name or type(module).__name__, module)] if _is_leaf(module) else None


def _is_leaf(module: Any) -> bool:
    import torch

    if isinstance(module, torch.nn.ModuleList | torch.nn.ModuleDict):
        return False
    own = type(module).__module__.startswith(("torch.nn", "torch.ao.nn"))
    return isinstance(module, torch.nn.Linear) or (own and not isinstance(module, torch.nn.Sequential))


def _traced(module: Any) -> list[Layer]:
    """Modules between input and output of `forward`; what else lies there is checked on the way."""
    import torch.fx

    class Tracer(torch.fx.Tracer):
        def is_leaf_module(self, m: torch.nn.Module, qualified_name: str) -> bool:
            return _is_leaf(m)

    kind = type(module).__name__
    try:
        graph = Tracer().trace(module)
    except Exception as error:  # whatever a forward raises when it is given a stand-in for numbers
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"the forward of {kind} cannot be followed ({reason[:200]}); write it without decisions that "
            f"depend on its input, or {_BY_HAND}"
        ) from error
    path = _path(graph, kind)
    parts = dict(module.named_modules())
    return [(str(node.target), parts[str(node.target)]) for node in path if node.op == "call_module"]


def _path(graph: torch.fx.Graph, kind: str) -> list[torch.fx.Node]:
    """Nodes from input to output, each of which takes what the one before gives."""
    (output,) = (node for node in graph.nodes if node.op == "output")
    path = [output]
    while path[-1].op != "placeholder":
        path.append(_source(path[-1], kind))
    path.reverse()
    for node, then in itertools.pairwise(path):
        others = [user.name for user in node.users if user is not then and not _is_size(user)]
        if others:
            raise InputError(
                f"forward of {kind}: what {_named(node)} gives goes to {then.name} and to {others[0]}: a "
                f"branch, but a twin is of one chain of layers. If such a chain is meant, {_BY_HAND}"
            )
    return path


def _source(node: torch.fx.Node, kind: str) -> torch.fx.Node:
    """The one node whose values this one takes."""
    sources = [given for given in node.all_input_nodes if not _is_size(given)]
    if node.op == "output" and not any(node.args[0] is one and one.op != "get_attr" for one in sources):
        raise InputError(f"forward of {kind} must return one tensor, the last layer; got {node.args[0]}")
    for given in sources:
        if given.op == "get_attr":
            raise InputError(
                f"forward of {kind}: {_named(node)} uses the parameter {given.target!r} outside of a Linear "
                f"layer, which the twin does not know: {_BETWEEN}"
            )
    if len(sources) > 1:
        names = " and ".join(given.name for given in sources)
        raise InputError(
            f"forward of {kind}: {_named(node)} joins {names}: a residual or parallel branch or a second "
            "input, but a twin is of one chain of layers"
        )
    if not sources or not _passes(node):
        raise InputError(
            f"forward of {kind} applies {_named(node)}, which the twin does not know: {_BETWEEN}"
        )
    return sources[0]


def _passes(node: torch.fx.Node) -> bool:
    """Whether a node is a layer, to be looked at later, or leaves each neuron in its place."""
    import torch

    if node.op == "call_method":
        return node.target in _METHODS
    if node.op == "call_function":
        homes = (torch, torch.nn.functional)
        return any(node.target is getattr(home, name, None) for home in homes for name in _FUNCTIONS)
    return node.op in ("call_module", "output")


def _is_size(node: torch.fx.Node) -> bool:
    """Whether a node gives sizes only, as a `view` takes them."""
    if node.op == "call_method":
        return node.target in _SIZES
    if node.op != "call_function" or not node.all_input_nodes:
        return False
    if node.target is getattr:
        return node.args[1] in ("device", "dtype", "ndim", "shape")
    return all(map(_is_size, node.all_input_nodes))


def _named(node: torch.fx.Node) -> str:
    if node.op == "call_module":
        return f"layer {node.target!r}"
    if node.op == "placeholder":
        return f"the input {node.target!r}"
    return str(getattr(node.target, "__name__", node.target))


def _linear_only(path: list[Layer]) -> list[Layer]:
    import torch

    chain: list[Layer] = []
    for name, layer in path:
        kind = type(layer).__name__
        plain = type(layer).__module__.startswith("torch.nn.modules")
        if plain and kind in _TRANSPARENT:
            continue
        if not isinstance(layer, torch.nn.Linear) or type(layer).forward is not torch.nn.Linear.forward:
            kind = kind if plain else f"{type(layer).__module__}.{kind}"
            raise InputError(f"layer {name!r} is a {kind}, which the twin does not know: {_BETWEEN}")
        for before, same in chain:
            if same is layer:
                again = "" if before == name else f", as {name!r},"
                raise InputError(
                    f"layer {before!r} is applied again{again} and its weights are shared; a twin has each "
                    f"matrix once. If two equal matrices are meant, {_BY_HAND}"
                )
        chain.append((name, layer))
    return chain
