"""Functions of single numbers: what a user gives as one is tried on tensors, since its class does not tell."""

import contextlib
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
import torch

from ...errors import FieldTypeError, SteerError, nearest
from .._engine._module import Module
from .._fields._types import FieldType
from ._trial import trials

VALUES: Final = (-9.0, -2.5, -1.0, -0.4, 0.0, 0.3, 0.8, 1.7, 3.0, 11.0)
"""Numbers that functions are tried on."""

TOLERANCE: Final = 1e-3
"""Results count as equal when they differ by less, relative to the largest: far above rounding, also of vectorised
code that rounds otherwise than the rest, and far below what a channel or a neighbour changes."""

HALF_TOLERANCE: Final = 0.05

LARGE: Final = 2**13
"""How many numbers the largest tensors have that a function is tried on."""

FEW: Final = 8
"""How many channels these have, if the function takes so few."""

Shape = tuple[int, ...]

SAFE: Final = frozenset(
    getattr(torch.nn, name)
    for name in (
        *("ReLU", "ReLU6", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "LeakyReLU", "Hardtanh", "Hardswish", "Tanh"),
        *("Hardsigmoid", "Sigmoid", "LogSigmoid", "Softplus", "Softsign", "Softshrink", "Hardshrink", "Tanhshrink"),
        *("Threshold", "Identity"),
    )
)
"""Modules of torch without parameters that need not be tried."""


class Function(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The function of x."""
        return self.function(x)

    def __repr__(self) -> str:
        return getattr(self.function, "__name__", repr(self.function))


def named_function(function: object, known: Mapping[str, type[torch.nn.Module]]) -> torch.nn.Module:
    """The elementwise module that the argument `function` names, the first of `known` by example, or is.

    Raises:
        SteerError: unknown name, or as for `elementwise`.
    """
    if isinstance(function, str):
        if function not in known:
            raise SteerError(
                f"function: expected one of {', '.join(map(repr, known))}, or an elementwise torch module, "
                f"got {function!r}; {nearest(function, known)}"
            )
        return known[function]()
    name, example = next(iter(known.items()))
    return elementwise("function", function, f"{name!r} or torch.nn.{example.__name__}()")


def elementwise(name: str, given: object, example: str) -> torch.nn.Module:
    """An argument that must be an elementwise module of torch or function, and leave its input as it is.

    Raises:
        SteerError: it is none, or works in place.
    """
    if isinstance(given, Module):
        raise SteerError(f"{name}: expected an elementwise torch module such as {example}, got {given!r}")
    module = as_module(name, given, example, SteerError)
    if any(getattr(part, "inplace", False) for part in module.modules()):
        raise SteerError(f"{name}: {module!r} would overwrite the layer's input; build it without inplace=True")
    require_elementwise(name, module, example, SteerError, in_place=False)
    return module


def as_module(name: str, given: object, example: str, error: type[SteerError]) -> torch.nn.Module:
    """A module as it is, a function as a module; an error for anything else."""
    if isinstance(given, torch.nn.Module):
        return given
    if not callable(given) or isinstance(given, type):
        raise error(f"{name}: expected an elementwise torch module such as {example}, or a function, got {given!r}")
    return Function(given)


def require_elementwise(
    name: str,
    function: torch.nn.Module,
    example: str,
    error: type[SteerError],
    channels: int = 8,
    in_place: bool = True,
    by_channel: bool = False,
) -> None:
    """Raise an error unless equal numbers have equal results, whatever stands beside them and wherever they stand.

    A copy is tried on tensors of several shapes, in both modes, with all the tensors that it holds moved away from
    where they start, where a slope for each channel looks like one for all. A function that is random in training
    counts as elementwise if it draws for each number alone, as RReLU and Dropout do. Neither the module nor the state
    of any generator of random numbers is changed.

    What no trial sees: what happens on larger maps, in larger batches and with other numbers than are tried; effects of
    a thousandth of the largest result; what depends on plain Python values that change later, on tensors in objects
    that are neither modules, functions nor containers of these, and on what compiled extensions hold.

    Args:
        name: of the argument.
        function: the module.
        example: of what would do.
        error: the class of the error.
        channels: of the tensors that it will be given.
        in_place: whether it may write into its input.
        by_channel: whether channels may be told apart, as by fields of one channel each.

    Raises:
        SteerError: it is not elementwise; or it takes no tensor of any shape.
    """
    if type(function) in SAFE:
        return
    with sandbox():
        fault = _fault(getattr(function, "_orig_mod", function), channels, in_place, by_channel)
    if fault:
        raise error(
            f"{name}: expected an elementwise function, one number to one number, such as {example}, but "
            f"{function!r} {fault}"
        )


@contextlib.contextmanager
def sandbox() -> Iterator[None]:
    """Leave all global generators of random numbers as they are, and let nothing that is tried warn."""
    states = torch.default_generator.get_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    torch.default_generator.manual_seed(0)
    try:
        with warnings.catch_warnings(), torch.device("cpu"), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.default_generator.set_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def _fault(function: torch.nn.Module, channels: int, in_place: bool, by_channel: bool) -> str:
    """What the function does that no function of single numbers does, or nothing."""
    fault = ""
    for is_extra, build in trials(function):
        try:
            trial = build()
        except Exception as error:  # whatever a module of a user's own may raise
            fault = fault or f"cannot be copied, to be tried: {error}"
            continue
        try:
            found = _fault_of(trial, channels, in_place, by_channel)
        except Exception as error:  # as it is, then, if it cannot be moved
            fault = f"takes no tensor of {channels} channels ({type(error).__name__}: {error})"
            continue
        if found or not is_extra:
            return found
    return fault


def _fault_of(trial: torch.nn.Module, channels: int, in_place: bool, by_channel: bool) -> str:
    """The same of one copy; an error if it takes nothing."""
    small = [(3, channels), (2, channels, 5), (2, channels, 3, 4), (1, channels, 2, 3, 2), (1, channels, 4, 4)]
    for training in (False, True):
        trial.train(training)
        taken: list[Shape] = []
        refused: Exception | None = None
        for ways in [*([shape] for shape in small), *_large(channels, by_channel)]:
            for shape in ways:
                try:
                    out: object = trial(torch.ones(shape, dtype=dtype_of(trial)))
                except Exception as error:
                    refused = refused or error
                    continue
                if not isinstance(out, torch.Tensor) or tuple(out.shape) != shape:
                    what = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
                    return f"makes {what} of {shape}"
                taken.append(shape)
                break
        if not taken and refused is not None:
            raise refused
        # batch normalisation, say, refuses some shapes in training; what it takes betrays it
        few = taken[: len(small)]
        random_here = any(_is_random(trial, shape) for shape in few)
        fault = _shares_draws(trial, few) if random_here else _depends(trial, taken, by_channel)
        fault = fault or ("" if in_place else _overwrites(trial, few))
        if fault:
            return fault
    return ""


def _large(channels: int, by_channel: bool) -> Iterator[list[Shape]]:
    """Large shapes to try, also with equal axes, which may be exchanged; each with fewer channels, or with all.

    Layers may have thousands of channels, and most functions take any number of them.
    """
    numbers = [channels] if by_channel or channels <= FEW else [FEW, channels]
    for axes, most in ((1, 65), (2, 33), (3, 9)):
        sides = [max(4, min(most, int((LARGE / count) ** (1 / axes)))) for count in numbers]
        yield [(1, n, *(side - axis for axis in range(axes))) for n, side in zip(numbers, sides, strict=True)]
    yield [(4, n, 4, 3) for n in numbers]
    yield [(1, n, 3, 3, 3) for n in numbers]
    for axes in (2, 3, 4):
        yield [(n,) * axes for n in numbers if n**axes <= LARGE]


def dtype_of(trial: torch.nn.Module) -> torch.dtype:
    """The dtype of the numbers that a function holds, else the default one."""
    floating = (t.dtype for t in (*trial.parameters(), *trial.buffers()) if t.is_floating_point())
    return next(floating, torch.get_default_dtype())


def _is_random(trial: torch.nn.Module, shape: Shape) -> bool:
    x = torch.full((_rows(shape), *shape[1:]), -1.0, dtype=dtype_of(trial))
    return any(not _equal(trial(x.clone()), trial(x.clone())) for x in (x, -x))


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)


def _rows(shape: Shape) -> int:
    """So many samples that what is drawn for each number, or for each channel, hardly comes out the same for all."""
    return max(2, 512 // shape[1])


def _shares_draws(trial: torch.nn.Module, shapes: list[Shape]) -> str:
    """Whether numbers that differ in nothing but their place share what is drawn for them, as in Dropout2d."""
    for shape in shapes:
        for value in (-1.0, 1.0):
            out = trial(torch.full((_rows(shape), *shape[1:]), value, dtype=dtype_of(trial)))
            if _equal(out, out.flatten()[0].expand_as(out)):
                continue
            for axis in range(out.dim()):
                if out.shape[axis] > 1 and _equal(out, out.narrow(axis, 0, 1).expand_as(out)):
                    return "draws one random number for several; nn.Dropout drops whole fields"
    return ""


def _depends(trial: torch.nn.Module, shapes: list[Shape], by_channel: bool) -> str:
    """Whether the result for a number depends on where it stands and beside what."""
    dtype = dtype_of(trial)
    channels, count = shapes[0][1], len(VALUES)
    values, draw = torch.tensor(VALUES, dtype=dtype), torch.Generator().manual_seed(1)
    tables = channels if by_channel else 1
    known = torch.full((count * tables,), float("nan"), dtype=torch.float64)
    seen = torch.zeros(count * tables, dtype=torch.bool)
    tolerance = HALF_TOLERANCE if dtype.itemsize < 4 else TOLERANCE
    for shape in shapes:
        # a few of the values only, other ones each time, so that means, norms and ranks differ
        some = torch.randperm(count, generator=draw)[: 3 + int(torch.randint(count - 2, (), generator=draw))]
        index = some[torch.randint(len(some), shape, generator=draw)]
        out = trial(values[index])
        channel = torch.arange(channels).reshape(-1, *[1] * (len(shape) - 2))
        code, found = (index * tables + (channel if by_channel else 0)).flatten(), out.double().flatten()
        fresh = ~seen[code]
        known[code[fresh]] = found[fresh]  # of several new ones any, to which the others are then compared
        seen[code] = True
        finite = known[known.isfinite()].abs()
        scale = float(finite.max()) if len(finite) else 0.0
        if not torch.allclose(found, known[code], rtol=tolerance, atol=tolerance * scale * 0.1, equal_nan=True):
            return "gives other results for equal numbers, by where they stand or beside what"
    return ""


def _overwrites(trial: torch.nn.Module, shapes: list[Shape]) -> str:
    for shape in shapes:
        x = torch.full(shape, -0.5, dtype=dtype_of(trial))
        before = x.clone()
        trial(x)
        if not _equal(x, before):
            return "overwrites its input"
    return ""


def as_pointwise(fields: FieldType, function: object) -> torch.nn.Module:
    """The argument `function` of a layer that gives it all channels of its input, as an elementwise module.

    Raises:
        FieldTypeError: it is no elementwise module or function.
    """
    example = "torch.nn.ReLU()"
    module = as_module("function", function, example, FieldTypeError)
    alone = all(rep.size == 1 for rep in fields.kinds)
    require_elementwise("function", module, example, FieldTypeError, fields.size, by_channel=alone)
    return module
