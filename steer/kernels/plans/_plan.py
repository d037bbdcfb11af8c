"""Kernel plans: from learned coefficients to a dense filter, without ever holding the dense basis."""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
import torch

from ..._values import Array
from ...errors import KernelError
from ...reps import Fields, Representation
from .._collect import collector
from .._spec import KernelSpec, as_fields
from ..bases._basis import kernel_basis
from ..bases._functions import ScalarFunctions
from ..bases._grid import Grid
from ..bases._radial import Rings
from ..cache._fetch import fingerprint
from . import _linear_map
from ._part import Cell, place, take
from ._scales import VANISHING, forward_scales, transposed_scales
from ._strategy import STRATEGIES, divide
from ._tiling import Tiling


class KernelPlan:
    """The way from a flat vector of coefficients to a filter (out, in, *kernel), immutable; made by `compile`.

    Fields of one representation are taken together: the filter is a matrix of cells, one for each pair of an input and
    an output representation. The coefficients of a cell are ordered (output field, input field, basis kernel); cells
    are ordered by output, then input representation, as they first appear.

    Cells are expanded by parts, each with the strategy that a cost model (multiply-adds, bytes, operations) finds the
    fastest: "orbit" moves the kernel of one coset along the group, one matmul; "gather" does so for pixels, which are
    permuted; "block" multiplies coefficients in irreps by Clebsch-Gordan tensors, for all cells without an induced
    representation at once, and then by the scalar functions; "dense" multiplies by the whole sampled basis. The
    strategy changes neither the filter, up to rounding, nor the coefficients. Gradients are taken by the transpose.

    A plan for transposed convolutions gives the same filters of the same coefficients. It differs in what `scales`
    normalises and in which fields must be reached by a kernel: those of the input, to which the transpose goes.

    Args:
        in_reps: the representations of the input fields.
        out_reps: those of the output fields.
        grid: where filters are sampled.
        radial: the scalar functions.
        strategy: as for `compile`.
        transposed: as for `compile`.

    Attributes:
        num_weights: number of coefficients.
        in_size: channels of the input.
        out_size: channels of the output.
        grid: where filters are sampled.
        radial: the scalar functions.

    Raises:
        KernelError: as for `compile`.
    """

    def __init__(
        self,
        in_reps: Fields,
        out_reps: Fields,
        grid: Grid,
        radial: ScalarFunctions,
        strategy: str,
        transposed: int = 0,
    ) -> None:
        self._arguments = (in_reps, out_reps, grid, radial, strategy, transposed)
        self.grid = grid
        self.radial = radial
        self.in_reps, self.out_reps = in_reps, out_reps
        self.in_size, self.out_size = in_reps.size, out_reps.size
        # first channels of the fields of each representation
        self.columns, self.rows = columns, rows = in_reps.summands.starts, out_reps.summands.starts
        self.cells: tuple[tuple[Cell, ...], ...] = tuple(
            tuple(Cell(kernel_basis(a, b, radial=radial), len(to), len(at)) for a, at in columns.items())
            for b, to in rows.items()
        )
        self._splits = [cell.num_weights for row in self.cells for cell in row]
        self.num_weights = sum(self._splits)  # number of free coefficients
        if transposed:
            self._scales = transposed_scales(self.cells, grid, list(rows.values()), transposed, self._require_column)
        else:
            self._scales = forward_scales(self.cells, grid, self._require_row)
        # What `expand` reads are plain attributes: torch.compile cannot trace a cached property that is not filled.
        self.parts, axes = divide(self.cells, grid, strategy, rows, columns)
        self._orders = tuple(axis.order for axis in axes)
        # Whether the parts leave no entry of the filter out, and whether the only one is the filter.
        self._covered = sum(placed.part.entries for placed in self.parts) == self.out_size * self.in_size * math.prod(
            grid.shape
        )
        self._whole = self._covered and len(self.parts) == 1
        self._tiling = Tiling([(placed.rows, placed.columns) for placed in self.parts], (self.out_size, self.in_size))
        self._tables = (
            *(table for placed in self.parts for table in placed.part.tables),
            *(order for order in self._orders if order is not None),
        )
        self._held = [sum(len(table.arrays) for table in placed.part.tables) for placed in self.parts]

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of the basis that coefficients refer to: representations and functions, not grid or strategy."""
        in_reps, out_reps, _, radial, _, _ = self._arguments
        return fingerprint((_runs(in_reps), _runs(out_reps), radial))

    @property
    def spec(self) -> KernelSpec:
        """The kernels that it is made of, whatever the strategy, as `steer.precompute` takes them."""
        return KernelSpec(self.in_reps, self.out_reps, self.grid, self.radial)

    def __reduce__(self) -> tuple[object, ...]:
        return _compile, self._arguments

    def __deepcopy__(self, memo: dict[int, object]) -> "KernelPlan":
        return self

    @property
    def constants(self) -> tuple[np.ndarray, ...]:
        """The sampled functions (float64) and index tables (int64) that `expand` needs."""
        return tuple(array for table in self._tables for array in table.arrays)

    def tensors(self, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, ...]:
        """The constants as tensors, which all plans with the same ones share.

        Args:
            dtype: of the sampled functions.
            device: of all.

        Returns:
            Tensors in the order and of the shapes of `constants`.
        """
        return tuple(tensor for table in self._tables for tensor in table.tensors(dtype, device))

    def expand(self, weight: torch.Tensor, tensors: Sequence[torch.Tensor] | None = None) -> torch.Tensor:
        """The filters of given coefficients, a linear map; differentiable.

        Args:
            weight: flat coefficients (..., num_weights): one vector, or any number of them, as of an ensemble or a
                hypernetwork.
            tensors: `tensors(...)` when the caller keeps them, e.g. as buffers.

        Returns:
            (..., out_size, in_size, *kernel), in the dtype of `weight`.

        Raises:
            KernelError: another number of coefficients.
        """
        if weight.dim() < 1 or weight.shape[-1] != self.num_weights:
            raise KernelError(f"weight: expected shape (..., {self.num_weights}), got {tuple(weight.shape)}")
        held = self.tensors(weight.dtype, weight.device) if tensors is None else tensors
        filters = _linear_map.apply(self, weight.reshape(-1, self.num_weights), held)
        return filters.reshape(*weight.shape[:-1], self.out_size, self.in_size, *self.grid.shape)

    def contract(self, x: torch.Tensor, constants: Sequence[torch.Tensor], transposed: bool) -> torch.Tensor:
        """The linear map from coefficients to filters, or its transpose, with constants that the caller holds.

        Args:
            x: coefficients (B, num_weights), or filters (B, out, in, entries) for the transpose.
            constants: what `tensors` returned.
            transposed: whether to apply the transpose.

        Returns:
            Filters (B, out, in, entries), or coefficients (B, num_weights).
        """
        return self._transpose(x, list(constants)) if transposed else self._expand(x, list(constants))

    def _expand(self, weight: torch.Tensor, constants: list[torch.Tensor]) -> torch.Tensor:
        shape = weight.shape[0], self.out_size, self.in_size, math.prod(self.grid.shape)
        pieces = torch.split(weight, self._splits, 1)
        blocks = []
        for placed, held in zip(self.parts, self._held, strict=True):
            blocks.append(placed.part.expand([pieces[index] for index in placed.cells], constants[:held]))
            constants = constants[held:]
        if self._whole:
            out = blocks[0].reshape(shape)
        elif torch.compiler.is_compiling() and self._tiling.whole:
            tiles = [(placed.rows, placed.columns) for placed in self.parts]
            out = self._tiling.join(dict(zip(tiles, blocks, strict=True)), weight, shape[3])
        else:
            out = weight.new_empty(shape) if self._covered else weight.new_zeros(shape)
            for placed, block in zip(self.parts, blocks, strict=True):
                place(out, placed.rows, placed.columns, block)
        for dim, order in enumerate(self._orders, 1):
            if order is not None:
                out, constants = out.index_select(dim, constants[0]), constants[2:]
        return out

    def _transpose(self, filters: torch.Tensor, constants: list[torch.Tensor]) -> torch.Tensor:
        orders = constants[sum(self._held) :]
        for dim, order in enumerate(self._orders, 1):
            if order is not None:
                filters, orders = filters.index_select(dim, orders[1]), orders[2:]
        found: list[torch.Tensor | None] = [None] * len(self._splits)
        for placed, held in zip(self.parts, self._held, strict=True):
            pieces = placed.part.transpose(take(filters, placed.rows, placed.columns), constants[:held])
            constants = constants[held:]
            for index, piece in zip(placed.cells, pieces, strict=True):
                found[index] = piece
        pieces = [piece for piece in found if piece is not None]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, 1)

    def scales(self) -> Array:
        """Standard deviations of independent coefficients that keep the second moment of features.

        With inputs of independent components of variance 1, each output field has mean variance 1 over its components:
        the sum over the inputs of the squared filter, from the Gram diagonal of the basis. The irreps of a reducible
        field have one variance, those that kernels reach. In a plan for transposed convolutions the input is that of
        the transpose, and every sample of the filter meets it.

        Returns:
            (num_weights,), float64.

        Source:
            He et al. 2015, for steerable bases: Weiler, Cesa 2019, appendix.
        """
        return self._scales.copy()

    def _require_row(self, energy: float, row: int) -> None:
        rep, starts = list(self.rows.items())[row]
        self._require(energy, rep, int(self.out_reps.field_of_channel[starts[0]]))

    def _require_column(self, energy: float, column: int, group: int) -> None:
        rep, starts = list(self.columns.items())[column]
        self._require(energy, rep, group * len(self.in_reps) + int(self.in_reps.field_of_channel[starts[0]]))

    def _require(self, energy: float, rep: Representation, field: int) -> None:
        """Raise an error when the kernels to a field vanish."""
        if energy >= VANISHING:
            return
        size = " x ".join(map(str, self.grid.shape))
        raise KernelError(
            f"out_type: field {field} ({rep.name} of {rep.group.name}) would be zero, because there is no "
            f"steerable {size} kernel {self.radial.reach} from the input to it; use "
            f"{self.radial.remedy} if the layer has one, or leave the field out"
        )

    def describe(self) -> str:
        """A table of the parts: fields, strategy, coefficients, and the cost of one expansion in float32.

        Mflop are millions of floating-point operations; kB are read and written, held as constants, and temporaries at
        the peak.

        Returns:
            The text of the table.
        """
        heads = ["weights", "Mflop", "kB moved", "kB held", "kB peak"]
        lines = [f"{'from':>28} {'to':>28} {'strategy':>9}" + "".join(f" {head:>9}" for head in heads)]
        total = np.zeros(5)
        for placed in self.parts:
            cost, cells = placed.part.cost, placed.part.cells
            numbers = np.array(
                [
                    sum(cell.num_weights for cell in cells),
                    2e-6 * cost.macs,
                    1e-3 * cost.traffic,
                    1e-3 * cost.constants,
                    1e-3 * cost.peak,
                ]
            )
            names = (
                _names((cell.in_rep, cell.fields_in) for cell in cells),
                _names((cell.out_rep, cell.fields_out) for cell in cells),
            )
            lines.append(f"{names[0]:>28} {names[1]:>28} {placed.part.strategy:>9}" + _numbers(numbers))
            total = np.concatenate([total[:4] + numbers[:4], [max(total[4], numbers[4])]])
        if len(self.parts) > 1:
            lines.append(f"{'all':>28} {'':>28} {'':>9}" + _numbers(total))
        return "\n".join(lines)


def compile(  # noqa: A001 - the name of the contract; torch.compile is no less a shadow
    in_type: Iterable[Representation],
    out_type: Iterable[Representation],
    grid: Grid | tuple[int, ...],
    *,
    radial: ScalarFunctions | None = None,
    max_frequency: int | None = None,
    strategy: str = "auto",
    transposed: int = 0,
) -> KernelPlan:
    """Compile the steerable kernels between two field types into a plan that expands coefficients on a grid.

    Args:
        in_type: a `FieldType`, or the representations of the input fields in order.
        out_type: the same for the output; of the same group.
        grid: kernel shape ([z,] y, x) or a `Grid`.
        radial: the scalar functions that kernels are made of; by default the rings that fit the kernel.
        max_frequency: cap on the harmonic degree of the default rings.
        strategy: "auto", or one to use wherever it can be: "orbit", "gather", "block", or "dense", the slow check of
            all others, which always can. See `KernelPlan`.
        transposed: when the filter is for a transposed convolution, from `out_type` to `in_type`, its number of groups.

    Returns:
        The plan; the same object for equal arguments.

    Raises:
        KernelError: the types are of two groups, an argument is out of range, an output field would get no kernel, or
            the strategy fits no part of the plan.

    Example:
        >>> import steer, torch
        >>> G = steer.group("C8", dim=2)
        >>> plan = steer.kernels.compile(3 * [G.trivial], 4 * [G.regular], (5, 5))
        >>> plan.expand(torch.randn(plan.num_weights)).shape
        torch.Size([32, 3, 5, 5])
    """
    in_reps, out_reps = as_fields(in_type, out_type)
    group = in_reps.group
    lattice = grid if isinstance(grid, Grid) else Grid(grid)
    if len(lattice.shape) != group.dim:
        raise KernelError(f"grid: expected {group.dim} sizes for {group.name}, got {lattice.shape}")
    if strategy not in STRATEGIES:
        raise KernelError(f"strategy: expected {' or '.join(map(repr, STRATEGIES))}, got {strategy!r}")
    if radial is not None and max_frequency is not None:
        raise KernelError(f"max_frequency: got {max_frequency} beside radial={radial}, whose limits say it; pass one")
    rings = Rings.for_kernel(lattice.shape, max_frequency) if radial is None else radial
    collect = collector()
    if collect is not None:
        uncompiled = Uncompiled(in_reps, out_reps, lattice, rings, strategy, transposed)
        collect(uncompiled.spec)
        return uncompiled
    return _compile(in_reps, out_reps, lattice, rings, strategy, transposed)


class Uncompiled(KernelPlan):
    """What `compile` returns while specs are collected: a plan with an identity and no coefficients."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self.in_reps, self.out_reps, self.grid, self.radial, _, _ = arguments
        self.in_size, self.out_size = self.in_reps.size, self.out_reps.size
        self.num_weights, self._scales, self._tables = 0, np.zeros(0), ()

    def expand(self, weight: torch.Tensor, tensors: Sequence[torch.Tensor] | None = None) -> NoReturn:
        """Not before it is compiled."""
        self.__getattr__("expand")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # what copy and pickle look for
            raise AttributeError(name)
        raise KernelError(
            f"{name}: a network that is built to collect its kernels (steer.precompute) has no coefficients and cannot "
            f"be used; let the factory only build it"
        )


@functools.lru_cache(maxsize=256)
def _compile(
    in_reps: Fields,
    out_reps: Fields,
    grid: Grid,
    radial: ScalarFunctions,
    strategy: str,
    transposed: int = 0,
) -> KernelPlan:
    return KernelPlan(in_reps, out_reps, grid, radial, strategy, transposed)


def _runs(fields: Fields) -> str:
    return " + ".join(f"{count} * [{rep!r}]" for rep, count in fields.runs)


def _names(fields: Iterable[tuple[Representation, int]]) -> str:
    found = " + ".join(f"{count} {rep.name}" for rep, count in dict(fields).items())
    return found if len(found) <= 28 else found[:27] + "…"


def _numbers(values: Array) -> str:
    return f" {int(values[0]):>9}" + "".join(f" {value:>9.{2 if value < 100 else 0}f}" for value in values[1:])
