"""Vectors of lanes for Numba kernels: LLVM vector values with operators, one lane a walker.

Numba vectorises a loop if LLVM sees that it may; here nothing is left to luck. A value of type `Vector` is an
LLVM vector, an operator on it one vector instruction (or as many as the machine needs for the width), and
local variables live in registers. Masks are ordinary unsigned integers: bit k belongs to lane k. Everything
is for use inside ``@njit`` functions only; an operand may be a scalar, which is broadcast.

A *width* is a literal number of lanes, or an unsigned integer whose bits are the lanes (its value is
ignored), so that a kernel over words of 16, 32 or 64 spins is written once.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, errors
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic as _intrinsic
from numba.extending import lower_builtin, models, register_model

__all__ = [
    "Vector", "absolute", "across", "as_real", "broadcast", "constant", "floor",
    "fma", "gather", "intrinsic", "less", "load", "minimum", "not_less", "operand",
    "pointer_to", "prefetch", "store", "to_float32", "where",
]  # fmt: skip

intrinsic: Any = _intrinsic  # its stubs describe the call inside jitted code wrongly

_ELEMENTS: dict[types.Type, ir.Type] = {
    types.int8: ir.IntType(8),
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
    types.uint32: ir.IntType(32),
    types.uint64: ir.IntType(64),
}
_LLVM_NAMES = {types.float32: "f32", types.float64: "f64"}


class Vector(types.Type):
    """Numba type of `width` lanes of `element`."""

    def __init__(self, element: types.Type, width: int):
        self.element = element
        self.width = width
        super().__init__(name=f"Vector({element}, {width})")

    @property
    def is_real(self) -> bool:
        return isinstance(self.element, types.Float)

    @property
    def llvm(self) -> ir.VectorType:
        return ir.VectorType(_ELEMENTS[self.element], self.width)

    @property
    def n_bytes(self) -> int:
        """Of one element."""
        return self.element.bitwidth // 8  # type: ignore[attr-defined]

    @property
    def mask(self) -> types.Integer:
        """Type of the unsigned integer with a bit a lane."""
        return types.Integer.from_bitwidth(self.width, signed=False)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector):
        super().__init__(manager, vector, vector.llvm)


def _width(width: types.Type) -> int:
    return width.literal_value if isinstance(width, types.IntegerLiteral) else width.bitwidth  # type: ignore[attr-defined]


def _splat(builder: ir.IRBuilder, value: Any, vector: ir.VectorType) -> Any:
    lanes = ir.VectorType(ir.IntType(32), vector.count)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(
        first, ir.Constant(vector, ir.Undefined), ir.Constant(lanes, [0] * vector.count)
    )


def constant(vector: ir.VectorType, value: int) -> ir.Constant:
    return ir.Constant(vector, [value] * vector.count)


def operand(context: Any, builder: ir.IRBuilder, value: Any, given: types.Type, vector: Vector) -> Any:
    """`value` as a vector: itself, or the scalar in every lane."""
    if isinstance(given, Vector):
        return value
    return _splat(builder, context.cast(builder, value, given, vector.element), vector.llvm)


def _as_mask(builder: ir.IRBuilder, lanes: Any, vector: Vector) -> Any:
    return builder.bitcast(lanes, ir.IntType(vector.width))


# -- operators -----------------------------------------------------------------------------------

_OPERATORS = {
    operator.add: ("fadd", "add"),
    operator.sub: ("fsub", "sub"),
    operator.mul: ("fmul", "mul"),
    operator.xor: (None, "xor"),
    operator.and_: (None, "and_"),
    operator.or_: (None, "or_"),
}


def _declare(function: Any, real: str | None, integer: str) -> None:
    @infer_global(function)
    class _(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and isinstance(args[0], Vector):
                usable = args[0].is_real is (real is not None) or not args[0].is_real
                if usable and (args[1] == args[0] or isinstance(args[1], types.Number)):
                    return signature(args[0], args[0], args[1])
            return None

    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        vector = sig.args[0]
        other = operand(context, builder, args[1], sig.args[1], vector)
        return getattr(builder, real if vector.is_real else integer)(args[0], other)  # type: ignore[arg-type]

    for other in (Vector, types.Number):
        lower_builtin(function, Vector, other)(lower)


for _function, (_real, _integer) in _OPERATORS.items():
    _declare(_function, _real, _integer)


@infer_global(operator.invert)
class _Invert(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(args[0], args[0]) if isinstance(args[0], Vector) and not args[0].is_real else None


@lower_builtin(operator.invert, Vector)
def _invert(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
    return builder.not_(args[0])


# -- memory --------------------------------------------------------------------------------------


@intrinsic
def pointer_to(typing, array):
    """Where the elements of a contiguous array start; to be indexed, loaded from and stored to without
    bounds.

    Kernels hold pointers because arrays are counted references, and counting them in an inner loop costs more
    than a spin update. The array must outlive the pointer, which arguments of a function do.
    """
    if array.layout not in "CF":
        raise errors.TypingError(f"vectors are read from and written to contiguous arrays; got {array}")

    def code(context, builder, sig, args):
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), code


@intrinsic(prefer_literal=True)
def load(typing, pointer, start, width):
    """``pointer[start : start + width]``."""
    vector = Vector(pointer.dtype, _width(width))

    def code(context, builder, sig, args):
        place = builder.bitcast(builder.gep(args[0], [args[1]]), vector.llvm.as_pointer())
        return builder.load(place, align=vector.n_bytes)

    return vector(pointer, types.uintp, width), code


@intrinsic
def store(typing, pointer, start, vector):
    """Write a vector to ``pointer[start : start + width]``."""

    def code(context, builder, sig, args):
        place = builder.bitcast(builder.gep(args[0], [args[1]]), vector.llvm.as_pointer())
        builder.store(args[2], place, align=vector.n_bytes)
        return context.get_dummy_value()

    return types.void(pointer, types.uintp, vector), code


@intrinsic
def prefetch(typing, pointer, place):
    """Ask for the cache line of ``pointer[place]``, which will be read soon."""

    def code(context, builder, sig, args):
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, number, number, number]), "llvm.prefetch.p0"
        )
        line = builder.bitcast(builder.gep(args[0], [args[1]]), byte)
        builder.call(function, [line, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(pointer, types.uintp), code


@intrinsic(prefer_literal=True)
def gather(typing, pointer, indices, start, width):
    """Elements of `pointer` at ``indices[start : start + width]``."""
    vector = Vector(pointer.dtype, _width(width))

    def code(context, builder, sig, args):
        gathered = ir.Constant(vector.llvm, ir.Undefined)
        for lane in range(vector.width):
            place = builder.load(builder.gep(args[1], [builder.add(args[2], args[2].type(lane))]))
            value = builder.load(builder.gep(args[0], [builder.zext(place, args[2].type)]))
            gathered = builder.insert_element(gathered, value, ir.IntType(32)(lane))
        return gathered

    return vector(pointer, indices, types.uintp, width), code


@intrinsic(prefer_literal=True)
def broadcast(typing, value, width):
    """A scalar in every lane."""
    vector = Vector(types.unliteral(value), _width(width))

    def code(context, builder, sig, args):
        return operand(context, builder, args[0], sig.args[0], vector)

    return vector(value, width), code


# -- arithmetic ----------------------------------------------------------------------------------


@intrinsic
def fma(typing, a, b, c):
    """``a * b + c``, in one rounding where the machine can; `a` a vector, `b` and `c` vectors or scalars."""

    def code(context, builder, sig, args):
        llvm = a.llvm
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(llvm, [llvm] * 3),
            f"llvm.fmuladd.v{a.width}{_LLVM_NAMES[a.element]}",
        )
        operands = [operand(context, builder, x, t, a) for x, t in zip(args, sig.args, strict=True)]
        return builder.call(function, operands)

    return a(a, b, c), code


@intrinsic
def minimum(typing, a, b):
    """Lane by lane, of vectors of real numbers; `b` may be a scalar."""

    def code(context, builder, sig, args):
        other = operand(context, builder, args[1], sig.args[1], a)
        return builder.select(builder.fcmp_ordered("<", args[0], other), args[0], other)

    return a(a, b), code


@intrinsic
def absolute(typing, a):
    """|a| of real numbers, by clearing the sign."""

    def code(context, builder, sig, args):
        width = a.element.bitwidth
        integers = ir.VectorType(ir.IntType(width), a.width)
        cleared = builder.and_(builder.bitcast(args[0], integers), constant(integers, 2 ** (width - 1) - 1))
        return builder.bitcast(cleared, a.llvm)

    return a(a), code


@intrinsic
def floor(typing, a):
    """The largest whole number that is not above, of real numbers."""

    def code(context, builder, sig, args):
        name = f"llvm.floor.v{a.width}{_LLVM_NAMES[a.element]}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(a.llvm, [a.llvm]), name)
        return builder.call(function, args)

    return a(a), code


@intrinsic(prefer_literal=True)
def across(typing, a, distance):
    """Lane k of the result is lane k ^ distance, a literal."""
    lanes = ir.VectorType(ir.IntType(32), a.width)
    order = ir.Constant(lanes, [k ^ distance.literal_value for k in range(a.width)])

    def code(context, builder, sig, args):
        return builder.shuffle_vector(args[0], args[0], order)

    return a(a, distance), code


@intrinsic
def less(typing, a, b):
    """Mask of the lanes where a < b, real numbers; `b` may be a scalar."""

    def code(context, builder, sig, args):
        other = operand(context, builder, args[1], sig.args[1], a)
        return _as_mask(builder, builder.fcmp_ordered("<", args[0], other), a)

    return a.mask(a, b), code


@intrinsic
def not_less(typing, a, b):
    """uint32 lanes, all bits set unless a < b, float32; `b` may be a scalar: a mask that stays a vector."""
    result = Vector(types.uint32, a.width)

    def code(context, builder, sig, args):
        other = operand(context, builder, args[1], sig.args[1], a)
        return builder.sext(builder.fcmp_unordered(">=", args[0], other), result.llvm)

    return result(a, b), code


@intrinsic
def where(typing, mask, a, b):
    """Lanes of `a` where the bit of `mask` is set, else of `b`."""

    def code(context, builder, sig, args):
        lanes = builder.bitcast(args[0], ir.VectorType(ir.IntType(1), a.width))
        return builder.select(lanes, args[1], args[2])

    return a(a.mask, a, a), code


@intrinsic
def to_float32(typing, a):
    """Values of uint32 or float64 lanes rounded to float32; float32 lanes as they are."""
    result = Vector(types.float32, a.width)

    def code(context, builder, sig, args):
        if a.element is types.float32:
            return args[0]
        return (builder.fptrunc if a.is_real else builder.uitofp)(args[0], result.llvm)

    return result(a), code


@intrinsic
def as_real(typing, a, like):
    """float32 lanes as the type of the scalar `like`, float32 or float64."""
    result = Vector(like, a.width)

    def code(context, builder, sig, args):
        return args[0] if like is types.float32 else builder.fpext(args[0], result.llvm)

    return result(a, like), code
