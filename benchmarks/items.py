"""What is measured: nine layers, three networks and one import, described without any library.

A `Case` is one layer from a field type to itself; a `Network` is built by the function of `networks.py` of that name.
"""

import argparse
from dataclasses import dataclass, replace
from typing import Final

ORDERS: Final = {"T": 12, "O": 24, "Oh": 48, "I": 60, "Ih": 120}
"""Order of the polyhedral groups; those of C_n and D_n follow from their names."""


class UnknownItemError(ValueError):
    """A name that is no item of the benchmark."""


@dataclass(frozen=True)
class Case:
    """One square layer: `copies` of each irrep, or of the regular representation when no irreps are given."""

    group: str
    dim: int
    copies: int
    kernel: int
    irreps: tuple[str, ...] = ()
    batch: int = 1
    space: tuple[int, ...] = ()

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """(representation, how many) for the fields of the layer's type, in the order of its channels."""
        labels = self.irreps or ("regular",)
        return [(label, 1) for _ in range(self.copies) for label in labels]

    @property
    def channels(self) -> int:
        """Channels in and out."""
        return sum(count * field_size(self.group, self.dim, kind) for kind, count in self.kinds)

    @property
    def filter_entries(self) -> int:
        """Numbers in the dense filter."""
        return self.channels**2 * self.kernel**self.dim

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input: (batch, channels, *space)."""
        return self.batch, self.channels, *self.space

    def of_batch(self, batch: int) -> "Case":
        """The same layer with so many images at a time."""
        return replace(self, batch=batch)


@dataclass(frozen=True)
class Network:
    """A network and the shape (batch, channels, *space) of its input."""

    shape: tuple[int, ...]
    trained: bool = True
    """Whether training and evaluation are measured, or construction only."""

    def of_batch(self, batch: int) -> "Network":
        """The same network with so many images at a time."""
        return replace(self, shape=(batch, *self.shape[1:]))


CASES: Final[dict[str, Case]] = {
    "C8_regular": Case("C8", 2, 16, 5, (), 16, (32, 32)),
    "C16_regular": Case("C16", 2, 16, 7, (), 8, (29, 29)),
    "D8_regular": Case("D8", 2, 16, 5, (), 8, (32, 32)),
    "SO2_irreps": Case("SO(2)", 2, 16, 5, ("0", "1", "2", "3"), 16, (32, 32)),
    "O2_irreps": Case("O(2)", 2, 16, 5, ("0+", "0-", "1", "2", "3"), 16, (32, 32)),
    "SO3_irreps": Case("SO(3)", 3, 8, 5, ("0", "1", "2"), 4, (16, 16, 16)),
    "O3_irreps": Case("O(3)", 3, 4, 5, ("0e", "1e", "2e", "0o", "1o", "2o"), 4, (16, 16, 16)),
    "O_regular": Case("O", 3, 4, 3, (), 4, (12, 12, 12)),
    "I_regular": Case("I", 3, 2, 5, (), 2, (10, 10, 10)),
}

NETWORKS: Final[dict[str, Network]] = {
    "C8_network": Network((16, 1, 29, 29)),
    "SO3_network": Network((4, 1, 17, 17, 17)),
    "wide_resnet": Network((1, 3, 96, 96), trained=False),
}

IMPORT: Final = "import"
"""The item that is `import steer.nn` (or `import escnn.nn`) after torch."""

NAMES: Final = (*CASES, *NETWORKS, IMPORT)


def find(name: str) -> Case | Network:
    """The layer or network of a name."""
    require([name])
    if name in CASES:
        return CASES[name]
    if name in NETWORKS:
        return NETWORKS[name]
    raise UnknownItemError(f"{name!r} is measured by --what import, it is no layer or network")


def require(names: list[str]) -> None:
    """Raise an `UnknownItemError` unless all names are items."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise UnknownItemError(f"unknown item {', '.join(map(repr, unknown))}; the items are {', '.join(NAMES)}")


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line on which items can be chosen; read it with `parse`."""
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--only", nargs="+", metavar="ITEM", help=f"of {', '.join(NAMES)}")
    return found


def parse(command: argparse.ArgumentParser) -> argparse.Namespace:
    """The arguments of this process; unknown items end it with a message and exit status 2."""
    found = command.parse_args()
    try:
        require(found.only or [])
    except UnknownItemError as error:
        command.error(str(error))
    return found


def field_size(group: str, dim: int, kind: str) -> int:
    """Channels of one field: "trivial", "regular" or the label of an irrep of SO(d) or O(d)."""
    if kind == "trivial":
        return 1
    if kind == "regular":
        return order(group)
    degree = int(kind.rstrip("+-eo"))
    return 2 * degree + 1 if dim == 3 else min(degree + 1, 2)


def order(group: str) -> int:
    """Order of a finite group."""
    if group in ORDERS:
        return ORDERS[group]
    return int(group[1:]) * {"C": 1, "D": 2}[group[0]]
