"""What has to be solved for models, factories, specs and spec files; nothing is solved here."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .._values import is_listing
from ..errors import SteerError
from ..kernels import KernelSpec
from ..kernels._collect import collecting
from ..kernels.cache import Descriptor
from ..reps import Fields, Representation
from ._files import read_specs

LONGEST = 200
"""Characters of a value that are printed."""

EXPECTED = "expected a model, a function that builds one, a KernelSpec, the path of a spec file, or a list of these"


def descriptors(wanted: object) -> list[Descriptor[Any]]:
    """The distinct descriptors of what `steer.precompute` takes, in the order in which they first appear.

    Raises:
        SteerError: something else, or a spec without kernels.
    """
    found: dict[Descriptor[Any], None] = {}
    for spec in dict.fromkeys(_specs(wanted)):
        found |= dict.fromkeys(spec.descriptors())
    return list(found)


def _specs(wanted: object) -> Iterable[KernelSpec]:
    if isinstance(wanted, KernelSpec):
        return [wanted]
    if isinstance(wanted, (str, os.PathLike)):
        return read_specs(Path(wanted))
    torch = sys.modules.get("torch")  # who passes a module has imported torch
    if torch is not None and isinstance(wanted, torch.nn.Module):
        return _of_model(wanted)
    if isinstance(wanted, Representation | Fields):
        raise SteerError(f"wanted: {EXPECTED}; got {_shown(wanted)}")
    if is_listing(wanted) and not hasattr(wanted, "shape"):
        return [spec for each in wanted for spec in _specs(each)]
    if callable(wanted):
        return _of_factory(wanted)
    raise SteerError(f"wanted: {EXPECTED}; got {_shown(wanted)}")


def _shown(wanted: object) -> str:
    """What it is, for the message: of arrays and tensors, and of what prints long, not all they hold."""
    shape = getattr(wanted, "shape", None)
    if isinstance(shape, tuple):
        return f"{type(wanted).__name__} of shape {tuple(shape)}"
    printed = repr(wanted)
    return printed if len(printed) <= LONGEST else f"{printed[:LONGEST]}... ({type(wanted).__name__})"


def _of_model(model: Any) -> list[KernelSpec]:
    """The specs of all plans in a model."""
    from ..kernels import KernelPlan  # loads torch, which processes that solve do without

    plans = (getattr(module, "plan", None) for module in model.modules())
    return [plan.spec for plan in plans if isinstance(plan, KernelPlan)]


def _of_factory(factory: Callable[[], object]) -> list[KernelSpec]:
    """The specs of a model that is built without weights: plans are noted, and tensors have no data."""
    import torch

    with collecting() as found, torch.device("meta"):
        built = factory()
    if isinstance(built, torch.nn.Module):
        return found
    return [*found, *_specs(built)]
