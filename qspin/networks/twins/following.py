"""What the `forward` of a module does with its input, followed step by step on linear forms of neurons.

The order of registration says nothing about `forward`, so it is traced symbolically (torch.fx). What
rearranges values is found by doing the same to their numbers. Where a trace is not possible, because
`forward` decides by the values that it is given, layers are taken in the order of registration, and a
warning says so.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qspin.errors import InputError
from qspin.networks.twins.forms import Form
from qspin.networks.twins.functions import applied_function, in_place, rearranged
from qspin.networks.twins.reading import BY_HAND, check_module, kind_of
from qspin.networks.twins.rules import ACTIVATIONS, NAMED, RULES, UNCHANGED
from qspin.networks.twins.wiring import Wiring

if TYPE_CHECKING:
    import torch
    import torch.fx

__all__ = ["followed"]

_MOVING = frozenset({"Flatten", "PixelShuffle", "PixelUnshuffle", "Unflatten"})
_TUPLES = {
    "MultiheadAttention": "its attention weights",
    "GRU": "its last state",
    "LSTM": "its last state",
    "RNN": "its last state",
}


def followed(module: torch.nn.Module, input_shape: Sequence[int] | None = None) -> Wiring:
    """The neurons of a network and what couples them; see `qspin.networks.twin`."""
    check_module(module)
    wiring = Wiring()
    layers = _Layers(wiring)
    kind = type(module).__name__
    if _is_leaf(module):
        given = wiring.entered(_entering(input_shape, [(kind, module)], kind))
        result = layers.apply(module, [given], {}, kind)
    else:
        result = _followed_forward(module, kind, layers, input_shape)
    if isinstance(result, tuple):
        result = result[0]
    wiring.neurons(result)
    return wiring


def _followed_forward(module: Any, kind: str, layers: _Layers, input_shape: Sequence[int] | None) -> Form:
    import torch

    if type(module).forward is torch.nn.modules.module._forward_unimplemented:
        raise InputError(f"the forward of {kind} cannot be followed: it has none; {BY_HAND}")
    try:
        graph = _tracer().trace(module)
    except Exception as error:  # whatever a forward raises when it is given a stand-in for numbers
        return _in_order(module, kind, layers, input_shape, error)
    parts = dict(module.named_modules())
    in_place(graph, kind)
    for node in reversed(list(graph.nodes)):  # what leads nowhere
        if not node.users and node.op not in ("output", "placeholder"):
            graph.erase_node(node)
    _check_inputs(graph, kind)
    reached = [(str(n.target), parts[str(n.target)]) for n in graph.nodes if n.op == "call_module"]
    entering = layers.wiring.entered(_entering(input_shape, reached, kind))
    return _Interpreter(module, parts, layers, kind).run(graph, entering)


def _in_order(
    module: Any, kind: str, layers: _Layers, input_shape: Sequence[int] | None, error: Exception
) -> Form:
    """Layers one after the other as they are registered, with a warning."""
    reason = (" ".join(str(error).split()) or type(error).__name__)[:200]
    leaves = [(name, part) for name, part in _leaves(module) if _is_layer(part)]
    try:
        form: Any = layers.wiring.entered(_entering(input_shape, leaves, kind))
        for name, part in leaves:
            form = layers.apply(part, [form], {}, name)
            form = form[0] if isinstance(form, tuple) else form
    except InputError as fault:
        raise InputError(
            f"the forward of {kind} cannot be followed ({reason}), and its layers in the order in which they "
            f"are registered are no chain ({fault}); write it without decisions that depend on its input, or "
            f"{BY_HAND}"
        ) from error
    names = ", ".join(name for name, _ in leaves)
    warnings.warn(
        f"the forward of {kind} cannot be followed ({reason}); its twin takes its layers in the order in "
        f"which they are registered: {names}",
        stacklevel=5,
    )
    return form


def _check_inputs(graph: torch.fx.Graph, kind: str) -> None:
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    for node in inputs[1:]:
        if not node.args:
            raise InputError(
                f"forward of {kind} takes a second input, {node.target!r}; the twin has one: give it a "
                "default, or wrap the network"
            )


def _leaves(module: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def walk(part: Any, name: str) -> None:
        if name and _is_leaf(part):
            found.append((name, part))
            return
        for child, below in part.named_children():
            walk(below, f"{name}.{child}" if name else child)

    walk(module, "")
    return found


def _is_layer(part: Any) -> bool:
    return kind_of(part) not in UNCHANGED


def _is_leaf(module: Any) -> bool:
    import torch

    containers = (torch.nn.ModuleList, torch.nn.ModuleDict, torch.nn.Sequential)
    if isinstance(module, containers):
        return False
    own = type(module).__module__.startswith(("torch.nn", "torch.ao.nn"))
    return own or isinstance(module, torch.nn.Linear)


def _tracer() -> torch.fx.Tracer:
    import torch.fx

    class Tracer(torch.fx.Tracer):
        def is_leaf_module(self, m: torch.nn.Module, qualified_name: str) -> bool:
            return _is_leaf(m)

    return Tracer()


def _entering(given: Sequence[int] | None, layers: Sequence[tuple[str, Any]], kind: str) -> tuple[int, ...]:
    """Shape of what goes in, without the batch."""
    if given is not None:
        shape = tuple(int(size) for size in given)
        if not shape or min(shape) < 1:
            raise InputError(f"input_shape must be positive sizes, without the batch; got {tuple(given)}")
        return shape
    for name, layer in layers:
        here = kind_of(layer) or type(layer).__name__
        if hasattr(layer, "in_features"):
            return (int(layer.in_features),)
        if here in RULES:
            raise InputError(
                f"the size of what goes into {kind} cannot be told from its first layer {name!r}, a {here}: "
                "give input_shape, without the batch, such as (channels, height, width)"
            )
    raise InputError(
        f"a twin needs at least one weight layer with a rule; the network {kind} has none. There are rules "
        f"for {', '.join(sorted(RULES))}"
    )


class _Layers:
    """Applies the rules of layers, each layer once."""

    def __init__(self, wiring: Wiring):
        self.wiring = wiring
        self._seen: dict[int, str] = {}

    def apply(self, layer: Any, args: Sequence[Any], kwargs: Any, name: str) -> Any:
        """What a layer gives; for some a tuple, as the layer itself does."""
        kind = kind_of(layer)
        given = self._form(args, kwargs, name)
        if kind in UNCHANGED:
            return given
        if kind in ACTIVATIONS:
            return self.wiring.neurons(given)
        if kind in _MOVING:
            return rearranged(layer, (given,), {}, f"layer {name!r}")
        if (rule := RULES.get(kind)) is None:
            shown = kind or f"{type(layer).__module__}.{type(layer).__name__}"
            raise InputError(
                f"layer {name!r} is a {shown}, which the twin does not know. It knows {NAMED}, activations, "
                "dropout, and what rearranges values"
            )
        self._once(layer, name)
        form = rule(layer, given, self.wiring, name)
        return (form, _Unknown(name, _TUPLES[kind])) if kind in _TUPLES else form

    def _form(self, args: Sequence[Any], kwargs: Any, name: str) -> Form:
        forms = [value for value in (*args, *kwargs.values()) if isinstance(value, Form)]
        if not forms:
            raise InputError(f"layer {name!r} is given nothing that comes from the input")
        if any(form is not forms[0] for form in forms):
            names = " and ".join(dict.fromkeys(form.name for form in forms))
            raise InputError(f"layer {name!r} joins {names}: it has a rule for one input alone")
        masks = [key for key, value in kwargs.items() if "mask" in key and value is not None]
        if masks:
            raise InputError(
                f"layer {name!r}: {masks[0]} has no rule; the twin takes attention of all to all"
            )
        return forms[0]

    def _once(self, layer: Any, name: str) -> None:
        for parameter in {id(parameter) for parameter in layer.parameters()}:
            if (before := self._seen.get(parameter)) is not None:
                again = "" if before == name else f", as {name!r},"
                raise InputError(
                    f"layer {before!r} is applied again{again} and its weights are shared; a twin has each "
                    f"matrix once. If two equal matrices are meant, {BY_HAND}"
                )
            self._seen[parameter] = name


class _Unknown:
    """What a layer gives beside its values, which has no rule."""

    def __init__(self, name: str, what: str):
        self.text = f"layer {name!r}: {what} is used, which has no rule; use its values"


class _Interpreter:
    """Runs a traced graph on forms."""

    def __init__(self, module: Any, parts: dict[str, Any], layers: _Layers, kind: str):
        self._module = module
        self._parts = parts
        self._layers = layers
        self._kind = kind
        self._values: dict[Any, Any] = {}

    def run(self, graph: torch.fx.Graph, entering: Form) -> Form:
        for node in graph.nodes:
            if node.op == "output":
                return self._returned(self._of(node.args[0]), node)
            self._values[node] = self._step(node, entering)
        raise InputError(
            f"forward of {self._kind} must return one tensor, the last layer; it returns nothing"
        )

    def _step(self, node: torch.fx.Node, entering: Form) -> Any:
        if node.op == "placeholder":
            return self._entered(node, entering)
        if node.op == "get_attr":
            return self._attribute(str(node.target))
        args, kwargs = self._of(node.args), self._of(node.kwargs)
        if node.target is operator.getitem and isinstance(args[0], tuple):
            return args[0][args[1]]
        self._refuse_unknown((args, kwargs))
        if node.op == "call_module":
            return self._layers.apply(self._parts[str(node.target)], args, kwargs, str(node.target))
        where = f"forward of {self._kind}: {_named(node)}"
        return applied_function(node.target, args, kwargs, self._layers.wiring, where)

    def _entered(self, node: torch.fx.Node, entering: Form) -> Any:
        if not any(isinstance(value, Form) for value in self._values.values()):
            return entering
        return node.args[0]  # a default

    def _attribute(self, path: str) -> Any:
        value: Any = self._module
        for part in path.split("."):
            value = getattr(value, part)
        return value

    def _of(self, given: Any) -> Any:
        import torch.fx

        return torch.fx.node.map_arg(given, lambda node: self._values[node])

    def _refuse_unknown(self, given: Any) -> None:
        from torch.utils import _pytree

        for value in _pytree.tree_leaves(given):
            if isinstance(value, _Unknown):
                raise InputError(value.text)

    def _returned(self, value: Any, node: torch.fx.Node) -> Form:
        if isinstance(value, Form):
            return value
        self._refuse_unknown(value)
        raise InputError(
            f"forward of {self._kind} must return one tensor, the last layer; got {node.args[0]}"
        )


def _named(node: torch.fx.Node) -> str:
    return str(getattr(node.target, "__name__", node.target))
