"""Fields of the output that no kernel reaches: they stay zero, and whoever asked for them is told."""

import itertools
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..._values import EXACT, Frozen, is_one_of, outside
from ...errors import KernelError, UnreachedWarning
from ...reps import Fields, Representation
from ..bases._basis import kernel_basis
from ..bases._radial import Rings

ANSWERS: Final = ("warn", "error", "ignore")
"""What may be asked for when a field is not reached."""


@dataclass(frozen=True)
class Unreached(Frozen):
    """A field of the output, or a summand of one, that no kernel of a plan reaches: it is zero, but for a bias.

    Attributes:
        field: its number.
        rep: its representation; of a direct sum, the summand that is not reached.
        larger: whether kernels of more pixels and frequencies reach it. Else no equivariant kernel does.
    """

    field: int
    rep: Representation
    larger: bool


def require_answer(unreached: str) -> None:
    """Raise an error unless the argument is a known one.

    Raises:
        KernelError: it is not.
    """
    if not is_one_of(unreached, ANSWERS):
        raise KernelError(f"unreached: expected {' or '.join(map(repr, ANSWERS))}, got {unreached!r}")


def unreached_fields(ends: tuple[Fields, Fields], where: Iterable[tuple[int, Representation]]) -> tuple[Unreached, ...]:
    """Of the fields and summands that no kernel of a plan reaches, which a larger kernel would.

    Args:
        ends: the fields that the kernels read, and those that they make.
        where: the number of each field, and its representation or summand.
    """
    source = ends[0].summands.kinds
    larger = {rep: any(_has_kernel(a, rep) for a in source) for rep in dict.fromkeys(rep for _, rep in where)}
    return tuple(Unreached(field, rep, larger[rep]) for field, rep in sorted(where, key=lambda found: found[0]))


def _has_kernel(source: Representation, target: Representation) -> bool:
    """Whether there is an equivariant kernel at all, of any size and frequency.

    Kernels at a point are the intertwiners of its stabiliser (Cohen, Geiger, Weiler 2019, theorem 3.3), of which a
    generic point has the smallest. Of an infinite group the harmonics are tried to which products of irreps lead.
    """
    group = target.group
    if not group.dim:
        return False
    if group.is_finite:
        elements = group.elements
        point = np.random.default_rng(0).normal(size=group.dim)
        fixed = elements[np.abs(group.action(elements) @ point - point).max(axis=1) < EXACT]
        return bool(np.sum(source.character(fixed) * target.character(fixed)) > 0.5)
    for a, b in itertools.product(dict.fromkeys(source.irreps), dict.fromkeys(target.irreps)):
        limit = a.frequency + b.frequency if group.dim > 1 else 1  # a line has no other harmonics
        if len(kernel_basis(a, b, radial=Rings((1.0,), (0.6,), (limit,)))):
            return True
    return False


def report(found: tuple[Unreached, ...], answer: str, kernel: str, remedy: str | None, whole: bool) -> None:
    """Warn of the fields that stay zero, or raise an error.

    Args:
        found: them.
        answer: "warn", "error" or "ignore".
        kernel: what does not lead to them, for the message.
        remedy: what would give more kernels; None where nothing would.
        whole: whether nothing is reached, so that there are no coefficients.

    Raises:
        KernelError: there are some, and the answer is "error".
    """
    if not found or answer == "ignore":
        return
    named = [f"field {one.field} ({one.rep.name} of {one.rep.group.name})" for one in found]
    few = ", ".join(named[:8]) + (f" and {len(named) - 8} more" if len(named) > 8 else "")
    helped = [one.field for one in found if one.larger and remedy]
    never = [one.field for one in found if not (one.larger and remedy)]
    advice = [f"use {remedy} if the layer has one" + (f" for {_fields(helped)}" if never else "")] if helped else []
    if never:
        lost = f"no larger kernel would reach {_fields(never) if helped else 'it' if len(never) == 1 else 'them'}: "
        advice.append((lost if remedy else "") + "leave it out, or add input fields that lead to it")
    else:
        advice.append("leave it out")
    verb = "would be" if answer == "error" else "stays" if len(found) == 1 else "stay"
    message = (
        f"out_type: {few} {verb} zero, because {kernel} from the input to {'it' if len(found) == 1 else 'them'}; "
        f"{', or '.join(advice)}{'; the layer would have no coefficients, and no output but a bias' if whole else ''}"
    )
    if answer == "error":
        raise KernelError(message)
    warnings.warn(f"{message}; unreached='ignore' builds it silently", UnreachedWarning, stacklevel=outside())


def _fields(numbers: list[int]) -> str:
    return f"field{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
