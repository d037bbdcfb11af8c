"""What a contract is checked on: one public module in one setting."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from steer import nn

from . import families


@dataclass(frozen=True)
class Case:
    """A module in one setting: a group, types and a space.

    Args:
        build: makes the module, with the same types and shapes on every call; parameters may be random.
        space: axes after (batch, channels): sizes of a grid, (n,) for a set of n points, () without a base space.
        error: bound of the relative equivariance error under symmetries of the grid (without a grid: under the
            group); 0 where it is round-off.
        without: contracts that do not apply, by name, each with the reason.
    """

    build: Callable[[], nn.Module]
    space: tuple[int, ...] = ()
    error: float = 0.0
    without: Mapping[str, str] = field(default_factory=dict)

    def input(self, module: nn.Module, batch: int = 2, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """A random input of the module, (batch, channels, *space)."""
        return torch.randn(batch, module.in_type.size, *self.space, dtype=dtype)


def collect() -> dict[str, Case]:
    """All cases by name: the `CASES` of every file of `families`."""
    found: dict[str, Case] = {}
    for module in pkgutil.iter_modules(families.__path__):
        cases: dict[str, Case] = importlib.import_module(f"{families.__name__}.{module.name}").CASES
        assert not found.keys() & cases.keys(), f"two cases of one name in {module.name}"
        found |= cases
    return found
