"""Kernel plans: from learned coefficients to a dense filter, without ever holding the dense basis."""

import functools
import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from ..errors import KernelError
from ..reps import DirectSum, Representation
from ..reps._linalg import Array
from ._basis import kernel_basis, natural_form
from ._expand import BlockPart, DensePart, OrbitPart, Part
from ._functions import ScalarFunctions
from ._grid import Grid
from ._radial import Rings
from .cache import fingerprint

VANISHING = 1e-12
"""Kernels whose squares sum to less are zero at the samples, though not elsewhere: scalar functions have norm 1."""

PARTS: dict[str, type[Part]] = {"orbit": OrbitPart, "block": BlockPart, "dense": DensePart}


class KernelPlan:
    """Turns a flat vector of coefficients into a filter (out, in, *kernel); made by `compile`, immutable and shared.

    Fields of one representation are taken together: the filter is a matrix of parts, one for each pair of an input and
    an output representation, each expanded by its own strategy. The coefficients of a part are ordered (output field,
    input field, basis kernel); parts are ordered by output, then input representation, as they first appear.

    A plan for transposed convolutions gives the same filters of the same coefficients. It differs in what `scales`
    normalises and in which fields must be reached by a kernel: those of the input, to which the transpose goes.
    """

    def __init__(
        self,
        in_reps: tuple[Representation, ...],
        out_reps: tuple[Representation, ...],
        grid: Grid,
        radial: ScalarFunctions,
        strategy: str,
        transposed: int = 0,
    ) -> None:
        self._arguments = (in_reps, out_reps, grid, radial, strategy, transposed)
        self.grid = grid
        self.radial = radial
        self.in_size, self.out_size = (sum(rep.size for rep in reps) for reps in (in_reps, out_reps))
        columns, rows = _group(in_reps), _group(out_reps)
        self._in_order, self._out_order, self._places = _order(columns), _order(rows), _places(grid)
        self.parts: tuple[tuple[Part, ...], ...] = tuple(
            tuple(_part(strategy, a, len(at), b, len(to), grid, radial) for a, at in columns.items())
            for b, to in rows.items()
        )
        self._scales = self._transposed_scales(rows, columns) if transposed else self._forward_scales(rows)
        self._flat = [part for row in self.parts for part in row]
        self._splits = [part.num_weights for part in self._flat]
        self.num_weights = sum(self._splits)  # number of free coefficients
        # the sampled bases (float64) and index tables (int64) that `expand` needs, part by part
        held = [array for part in self._flat if part.num_weights for array in part.constants]
        orders = self._out_order, self._in_order, self._places
        self.constants = (*held, *(order for order in orders if order is not None))
        self._tensors: dict[tuple[torch.dtype, torch.device], tuple[torch.Tensor, ...]] = {}

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of the basis that the coefficients refer to: representations and rings, not the grid or the strategy."""
        in_reps, out_reps, _, radial, _, _ = self._arguments
        return fingerprint((_runs(in_reps), _runs(out_reps), radial))

    def __reduce__(self) -> tuple[object, ...]:
        return _compile, self._arguments

    def __deepcopy__(self, memo: dict[int, object]) -> "KernelPlan":
        return self

    def tensors(self, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, ...]:
        """`constants` as tensors, kept and shared by all layers of this plan."""
        key = (dtype, device)
        if key in self._tensors:
            return self._tensors[key]
        with torch.inference_mode(False):  # a tensor of that mode could not be used in training later
            plain = (torch.from_numpy(np.array(array)) for array in self.constants)
            made = tuple(t.to(device, dtype if t.is_floating_point() else None) for t in plain)
        if all(type(t) is torch.Tensor for t in made):  # and the fake tensors of a trace are of no use after it
            self._tensors[key] = made
        return made

    def expand(self, weight: torch.Tensor, tensors: Sequence[torch.Tensor] | None = None) -> torch.Tensor:
        """The filter (out, in, *kernel) of coefficients (num_weights,); differentiable, in the dtype of `weight`.

        Args:
            weight: flat coefficients.
            tensors: `tensors(...)` when the caller keeps them, e.g. as buffers.
        """
        if weight.shape != (self.num_weights,):
            raise KernelError(f"weight: expected shape ({self.num_weights},), got {tuple(weight.shape)}")
        held = list(tensors if tensors is not None else self.tensors(weight.dtype, weight.device))
        pieces = iter(torch.split(weight, self._splits))
        bands = []
        for row in self.parts:
            blocks = []
            for part in row:
                piece = next(pieces)
                if part.num_weights == 0:
                    blocks.append(weight.new_zeros(part.shape))
                    continue
                count = len(part.constants)
                mine, held = held[:count], held[count:]
                blocks.append(part.expand(piece, mine))
            bands.append(blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=1))
        out = bands[0] if len(bands) == 1 else torch.cat(bands)
        if self._out_order is not None:
            out = out.index_select(0, held.pop(0))
        if self._in_order is not None:
            out = out.index_select(1, held.pop(0))
        if self._places is not None:
            out = torch.nn.functional.pad(out, (0, 1)).index_select(2, held.pop(0))
        return out.reshape(self.out_size, self.in_size, *self.grid.shape)

    def scales(self) -> Array:
        """(num_weights,): standard deviations of independent coefficients that keep the second moment of features.

        With inputs of independent components of variance 1, each output field has mean variance 1 over its components:
        the sum over the inputs of the squared filter, from the Gram diagonal of the basis. In a plan for transposed
        convolutions the input is that of the transpose, and every sample of the filter meets it.
        """
        return self._scales.copy()

    def _forward_scales(self, rows: dict[Representation, list[int]]) -> Array:
        found = []
        for (rep, starts), row in zip(rows.items(), self.parts, strict=True):
            energy = sum(part.energy for part in row)
            if energy < VANISHING:
                raise self._unreached(rep, _field_of_channel(self._arguments[1], starts[0]))
            found += [np.full(part.num_weights, energy**-0.5) for part in row]
        return np.concatenate(found)

    def _transposed_scales(
        self, rows: dict[Representation, list[int]], columns: dict[Representation, list[int]]
    ) -> Array:
        """The rows come in equal groups, and the transpose takes each group to input fields of its own."""
        in_reps, *_, groups = self._arguments
        group_of = [np.array(starts) // (self.out_size // groups) for starts in rows.values()]
        energy = np.zeros((groups, len(columns)))
        for row, where in zip(self.parts, group_of, strict=True):
            for column, part in enumerate(row):
                # what all rows of the part give to a component of its columns, shared by the rows
                each = part.energy * part.shape[0] / part.shape[1] / len(where)
                energy[:, column] += each * np.bincount(where, minlength=groups)
        for group, column in np.argwhere(energy < VANISHING):
            rep, starts = list(columns.items())[column]
            raise self._unreached(rep, group * len(in_reps) + _field_of_channel(in_reps, starts[0]))
        return np.concatenate(
            [
                np.repeat(energy[where, column] ** -0.5, part.num_weights // len(where))
                for row, where in zip(self.parts, group_of, strict=True)
                for column, part in enumerate(row)
            ]
        )

    def _unreached(self, rep: Representation, field: int) -> KernelError:
        size = " x ".join(map(str, self.grid.shape))
        return KernelError(
            f"out_type: field {field} ({rep.name} of {rep.group.name}) would be zero, because there is no "
            f"steerable {size} kernel {self.radial.reach} from the input to it; use "
            f"{self.radial.remedy} if the layer has one, or leave the field out"
        )

    def describe(self) -> str:
        """A table of the parts: representations, strategy, coefficients, multiply-adds and bytes of constants."""
        lines = [f"{'from':>20} {'to':>20} {'strategy':>9} {'weights':>9} {'Mflop':>8} {'kB':>8}"]
        for part in self._flat:
            held = sum(array.nbytes for array in part.constants if part.num_weights) / 2e3  # float32 in use
            names = f"{f'{part.fields_in} {part.in_rep.name}':>20} {f'{part.fields_out} {part.out_rep.name}':>20}"
            numbers = f"{part.num_weights:>9} {part.flops / 1e6:>8.2f} {held:>8.1f}"
            lines.append(f"{names} {part.strategy:>9} {numbers}")
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
        strategy: "auto", or "dense": sample the whole basis of each part, the slow check of all others.
        transposed: when the filter is for a transposed convolution, from `out_type` to `in_type`, its number of groups.

    Raises:
        KernelError: the types are of two groups, an argument is out of range, or an output field would get no kernel.
    """
    in_reps, out_reps = _fields("in_type", in_type), _fields("out_type", out_type)
    groups = {rep.group for rep in in_reps + out_reps}
    if len(groups) > 1:
        raise KernelError(
            f"in_type, out_type: expected fields of one group, got {' and '.join(sorted(map(repr, groups)))}; "
            f"restrict them to a common subgroup"
        )
    dim = in_reps[0].group.dim
    lattice = grid if isinstance(grid, Grid) else Grid(grid)
    if len(lattice.shape) != dim:
        raise KernelError(f"grid: expected {dim} sizes for {in_reps[0].group.name}, got {lattice.shape}")
    if strategy not in ("auto", "dense"):
        raise KernelError(f"strategy: expected 'auto' or 'dense', got {strategy!r}")
    if radial is not None and max_frequency is not None:
        raise KernelError(f"max_frequency: got {max_frequency} beside radial={radial}, whose limits say it; pass one")
    rings = Rings.for_kernel(lattice.shape, max_frequency) if radial is None else radial
    return _compile(in_reps, out_reps, lattice, rings, strategy, transposed)


def _fields(name: str, given: Iterable[Representation]) -> tuple[Representation, ...]:
    fields = () if isinstance(given, Representation) or not isinstance(given, Iterable) else tuple(given)
    if not fields or not all(isinstance(rep, Representation) for rep in fields):
        raise KernelError(f"{name}: expected a FieldType or a list of representations, got {given!r}")
    return fields


@functools.lru_cache(maxsize=256)
def _compile(
    in_reps: tuple[Representation, ...],
    out_reps: tuple[Representation, ...],
    grid: Grid,
    radial: ScalarFunctions,
    strategy: str,
    transposed: int = 0,
) -> KernelPlan:
    return KernelPlan(in_reps, out_reps, grid, radial, strategy, transposed)


def _part(
    strategy: str,
    a: Representation,
    count_in: int,
    b: Representation,
    count_out: int,
    grid: Grid,
    radial: ScalarFunctions,
) -> Part:
    natural = natural_form(a, b)
    chosen = strategy if strategy != "auto" else radial.strategy if natural == "block" else natural
    return PARTS[chosen](kernel_basis(a, b, radial=radial), count_in, count_out, grid.points)


def _atoms(rep: Representation) -> tuple[Representation, ...]:
    """A direct sum with no mixing is its summands, one after the other."""
    return tuple(itertools.chain.from_iterable(map(_atoms, rep.parts))) if isinstance(rep, DirectSum) else (rep,)


def _group(reps: Sequence[Representation]) -> dict[Representation, list[int]]:
    """First channels of all fields of each distinct representation."""
    found: dict[Representation, list[int]] = {}
    channel = 0
    for rep in itertools.chain.from_iterable(map(_atoms, reps)):
        found.setdefault(rep, []).append(channel)
        channel += rep.size
    return found


def _order(groups: dict[Representation, list[int]]) -> np.ndarray | None:
    """For each channel, its position when fields are grouped by representation; None when they already are."""
    grouped = np.concatenate([start + np.arange(rep.size) for rep, starts in groups.items() for start in starts])
    return None if np.array_equal(grouped, np.arange(len(grouped))) else np.argsort(grouped)


def _places(grid: Grid) -> np.ndarray | None:
    """For each entry of the filter, the sample it holds, or their number if none; None when samples fill the filter."""
    if grid.index is None:
        return None
    found = np.full(math.prod(grid.shape), len(grid.index))
    found[grid.index] = np.arange(len(grid.index))
    return found


def _field_of_channel(reps: Sequence[Representation], channel: int) -> int:
    return int(np.searchsorted(np.cumsum([rep.size for rep in reps]), channel, side="right"))


def _runs(reps: Sequence[Representation]) -> str:
    return " + ".join(f"{len(list(same))} * [{rep!r}]" for rep, same in itertools.groupby(reps))
