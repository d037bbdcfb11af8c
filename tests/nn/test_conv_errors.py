"""Every message of Conv2d names the argument, what it got and what would do."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, KernelError, ShapeError
from steer.kernels import per_axis
from steer.nn._engine._module import Module

C4 = steer.group("C4", dim=2)
C2 = steer.group("C2", dim=2)
KIND = nn.FieldType(C4, [C4.regular, C4.vector, C4.regular, C4.vector])
SCALARS = nn.FieldType(C4, [C4.trivial])


def conv(in_type=KIND, out_type=KIND, kernel_size=3, **options):
    return nn.Conv2d(in_type, out_type, kernel_size, **options)


ARGUMENTS = {
    "in_type": (lambda: conv(in_type=12), FieldTypeError, "in_type: Conv2d expects a FieldType, got 12"),
    "out_type": (lambda: conv(out_type="C4"), FieldTypeError, "out_type: Conv2d expects a FieldType, got 'C4'"),
    "two groups": (
        lambda: conv(out_type=nn.FieldType(C2, [C2.regular])),
        FieldTypeError,
        r"out_type: Conv2d maps between fields of one group, got in_type of .*'C4'.* and out_type of .*'C2'.*; "
        r"go to a subgroup with nn.Restrict first",
    ),
    "basis": (lambda: conv(basis="pixels"), KernelError, "basis: .*'pixel'.* Got 'pixels'"),
    "padding_mode": (
        lambda: conv(padding_mode="wrap"),
        KernelError,
        "padding_mode: expected 'zeros' or 'reflect' or 'replicate' or 'circular', got 'wrap'",
    ),
    "kernel_size zero": (
        lambda: conv(kernel_size=0),
        KernelError,
        "kernel_size: expected an integer >= 1 or 2 of them, got 0",
    ),
    "kernel_size fraction": (lambda: conv(kernel_size=2.5), KernelError, "kernel_size: .*, got 2.5"),
    "kernel_size text": (lambda: conv(kernel_size="33"), KernelError, "kernel_size: .*, got '33'"),
    "kernel_size truth": (lambda: conv(kernel_size=True), KernelError, "kernel_size: .*, got True"),
    "kernel_size axes": (lambda: conv(kernel_size=(3, 3, 3)), KernelError, r"kernel_size: .*, got \(3, 3, 3\)"),
    "stride": (lambda: conv(stride=0), KernelError, "stride: expected an integer >= 1 or 2 of them, got 0"),
    "dilation": (lambda: conv(dilation=(1, 0)), KernelError, r"dilation: expected an integer >= 1 .*, got \(1, 0\)"),
    "padding": (lambda: conv(padding=-1), KernelError, "padding: expected an integer >= 0 or 2 of them, got -1"),
    "padding word": (
        lambda: conv(padding="full"),
        KernelError,
        "padding: expected an integer, a tuple, 'same' or 'valid', got 'full'",
    ),
    "same and even": (
        lambda: conv(kernel_size=4, padding="same"),
        KernelError,
        r"padding: 'same' needs stride 1 and an odd kernel or even dilation, .*; got kernel_size=\(4, 4\), "
        r"stride=\(1, 1\), dilation=\(1, 1\)",
    ),
    "same and stride": (
        lambda: conv(padding="same", stride=2),
        KernelError,
        r"padding: 'same' needs stride 1 .*; got kernel_size=\(3, 3\), stride=\(2, 2\)",
    ),
    "max_frequency": (
        lambda: conv(max_frequency=3),
        KernelError,
        "max_frequency: a 3 x 3 kernel carries frequencies from 0 to 2, got 3",
    ),
    "groups zero": (lambda: conv(groups=0), FieldTypeError, "groups: expected an integer >= 1, got 0"),
    "groups fraction": (lambda: conv(groups=1.0), FieldTypeError, "groups: expected an integer >= 1, got 1.0"),
    "groups of inputs": (
        lambda: conv(groups=3),
        FieldTypeError,
        r"groups: 3 does not divide the 4 fields of in_type, 2 regular \+ 2 vector of C4 \(12 channels\)",
    ),
    "groups of outputs": (
        lambda: conv(out_type=SCALARS, groups=2),
        FieldTypeError,
        "groups: 2 does not divide the 1 fields of out_type, ",
    ),
    "unequal groups of inputs": (
        lambda: conv(groups=4),
        FieldTypeError,
        "groups: the 4 groups of in_type must be of one type, got .*; order its fields so that each run of 1 is",
    ),
    "unequal groups of outputs": (
        lambda: conv(out_type=nn.FieldType(C4, [C4.regular, C4.vector]), groups=2),
        FieldTypeError,
        "groups: the 2 groups of out_type must have equal numbers of channels, got .*; order its fields",
    ),
    "empty basis": (
        lambda: conv(SCALARS, nn.FieldType(C4, [C4.trivial, C4.irrep("B")]), kernel_size=2, unreached="error"),
        KernelError,
        r"out_type: field 1 \(B of C4\) would be zero, .* no steerable 2 x 2 kernel .*; use a larger kernel_size",
    ),
}
for argument in ("kernel_size", "stride", "dilation", "padding"):
    ARGUMENTS[f"unequal {argument}"] = (
        lambda argument=argument: conv(**{argument: (1, 2)}),
        KernelError,
        rf"{argument}: C4 mixes the axes of space, so {argument} must be equal on them; got \(1, 2\); use {argument}=2",
    )


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments(case):
    call, error, message = ARGUMENTS[case]
    with pytest.raises(error, match=message):
        call()


INPUTS = {
    "channels": (torch.zeros(1, 11, 5, 5), r"x: expected a tensor \(batch, 12, ...\) .*, got shape \(1, 11, 5, 5\)"),
    "one axis": (torch.zeros(12), r"x: expected a tensor \(batch, 12, ...\) .*, got shape \(12,\)"),
    "integers": (torch.zeros(1, 12, 5, 5, dtype=torch.int64), "x: expected a floating-point tensor, got torch.int64"),
    "no space": (torch.zeros(1, 12), r"x: Conv2d expects \(batch, 12\) and 2 axes of space, got \(1, 12\)"),
    "three axes": (torch.zeros(1, 12, 5, 5, 5), r"x: Conv2d expects .* 2 axes of space, got \(1, 12, 5, 5, 5\)"),
    "dtype": (
        torch.zeros(1, 12, 5, 5, dtype=torch.float64),
        r"x: Conv2d has weights of torch.float32, got a tensor of torch.float64; convert one of them with .to",
    ),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs(case):
    x, message = INPUTS[case]
    with pytest.raises(ShapeError, match=message):
        conv()(x)


def test_a_field_of_another_type():
    other = nn.FieldType(C4, 3 * [C4.regular])
    with pytest.raises(FieldTypeError, match=r"x: Conv2d expects fields of type 2 regular .* got 3 regular of C4"):
        conv()(other(torch.zeros(1, 12, 5, 5)))


def test_a_group_of_another_space():
    class Conv3d(nn.Conv2d):
        dim = 3

    with pytest.raises(FieldTypeError, match=r"in_type: Conv3d acts on 3-dimensional space, got a type of .*'C4'"):
        Conv3d(KIND, KIND, 3)


def test_numbers_of_numpy_and_lists_are_fine():
    assert per_axis("stride", np.int64(2), 2, 1) == (2, 2)
    assert per_axis("stride", [1, np.int32(3)], 2, 1) == (1, 3)
    assert type(per_axis("stride", np.int64(2), 2, 1)[0]) is int


def test_bad_arguments_leave_no_half_made_layer():
    with pytest.raises(KernelError):
        conv(kernel_size=0)
    assert issubclass(nn.Conv2d, Module)
