"""Bits of the lanes of `qspin_backends.common.simd`, and of masks and words of lanes."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from qspin_backends.common.simd import Vector, constant, intrinsic, operand

__all__ = ["bits_of", "count_bits", "floats_of", "rotate_left", "shift_left", "shift_right", "width_of"]


def _reinterpreted(target: types.Type, doc: str) -> Any:
    @intrinsic
    def reinterpret(typing, a):
        result = Vector(target, a.width)
        return result(a), lambda context, builder, sig, args: builder.bitcast(args[0], result.llvm)

    reinterpret.__doc__ = doc
    return reinterpret


bits_of = _reinterpreted(types.uint32, "The bits of float32 lanes as uint32.")
floats_of = _reinterpreted(types.float32, "uint32 lanes read as the bits of float32.")


@intrinsic
def shift_left(typing, a, count):
    """Integer lanes shifted by a scalar count below their width."""

    def code(context, builder, sig, args):
        return builder.shl(args[0], operand(context, builder, args[1], sig.args[1], a))

    return a(a, count), code


@intrinsic
def shift_right(typing, a, count):
    """Integer lanes shifted by a scalar count below their width, zeros coming in."""

    def code(context, builder, sig, args):
        return builder.lshr(args[0], operand(context, builder, args[1], sig.args[1], a))

    return a(a, count), code


@intrinsic(prefer_literal=True)
def rotate_left(typing, a, count):
    """Integer lanes rotated by a literal count."""
    n = count.literal_value

    def code(context, builder, sig, args):
        left = builder.shl(args[0], constant(a.llvm, n))
        return builder.or_(left, builder.lshr(args[0], constant(a.llvm, a.element.bitwidth - n)))

    return a(a, count), code


@intrinsic
def width_of(typing, word):
    """Bits of an unsigned integer, lanes of a mask: a constant for the compiler, as uint64."""
    return types.uint64(word), lambda context, builder, sig, args: ir.IntType(64)(word.bitwidth)


@intrinsic
def count_bits(typing, word):
    """How many bits of an unsigned integer are set."""
    return word(word), lambda context, builder, sig, args: builder.ctpop(args[0])
