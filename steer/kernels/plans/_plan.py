"""Kernel plans: from learned coefficients to filters, spectra and maps, without ever holding the dense basis."""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import torch

from ..._values import Array, as_numbers, is_one_of, require_count, require_flag
from ...errors import KernelError
from ...reps import Fields, Induced, Representation
from .._collect import collector
from .._spec import KernelSpec
from ..bases._bases import functions_for
from ..bases._functions import ScalarFunctions
from ..bases._grid import Grid
from ..bases._selection import BasisFilter, require_filter, select
from ..bases._types import as_fields, require_functions, require_points
from ..cache._fetch import fingerprint
from ._cell import cells_of, whole
from ._expansion import Expansion
from ._pointwise_map import map_channels
from ._project import Projection, as_filter, project_on, require_channels
from ._reading import InFunctions, OnGrid, Reading
from ._scales import forward_scales, transposed_scales
from ._strategy import STRATEGIES
from ._unreached import Unreached, report, require_answer, unreached_fields


class KernelPlan:
    """The way from a flat vector of coefficients to a filter (out, in, *kernel), immutable; made by `compile`.

    It has three verbs, all linear in the coefficients. `expand` gives the filter on the grid. `spectrum` gives the
    coefficients of the kernels in scalar functions, whatever the grid, and `sample` gives those functions at any
    points: kernels between points off a grid are their contraction. `apply` takes features to features, where kernels
    are one point.

    Fields of one representation are taken together: the filter is a matrix of cells, one for each pair of an input and
    an output representation. The coefficients of a cell are ordered (output field, input field, basis kernel); cells
    are ordered by output, then input representation, as they first appear.

    Cells are expanded by parts, each with the strategy that a cost model (multiply-adds, bytes, operations) finds the
    fastest: "orbit" moves the kernel of one coset along the group, one matmul; "gather" does so for pixels, which are
    permuted; "block" multiplies coefficients in irreps by Clebsch-Gordan tensors, for all cells without an induced
    representation at once, and then by the scalar functions; "dense" multiplies by the whole sampled basis. The
    strategy changes neither the filter, up to rounding, nor the coefficients. Gradients are taken by the transpose.

    A plan for transposed convolutions gives the same filters of the same coefficients. It differs in what `scales`
    normalises and in which fields it asks whether a kernel reaches them: those of the input, to which the transpose
    goes.

    Args:
        in_reps: the representations of the input fields.
        out_reps: those of the output fields.
        grid: where filters are sampled.
        functions: the scalar functions.
        strategy: as for `compile`.
        transposed: as for `compile`.

    Attributes:
        num_weights: number of coefficients.
        in_size: channels of the input.
        out_size: channels of the output.
        grid: where filters are sampled.
        functions: the scalar functions.
        unreached: the fields of the output, and the summands of its direct sums, that no kernel reaches, with which it
            is told whether a larger kernel would.

    Raises:
        KernelError: as for `compile`.
    """

    def __init__(
        self,
        in_reps: Fields,
        out_reps: Fields,
        grid: Grid,
        functions: ScalarFunctions,
        strategy: str,
        transposed: int = 0,
    ) -> None:
        self._arguments = (in_reps, out_reps, grid, functions, strategy, transposed)
        self.grid, self.functions = grid, functions
        self.in_reps, self.out_reps = in_reps, out_reps
        self.in_size, self.out_size = in_reps.size, out_reps.size
        # first channels of the fields of each representation
        self.columns, self.rows = columns, rows = in_reps.summands.starts, out_reps.summands.starts
        self.cells = cells_of(rows, columns, functions)
        self.num_weights = sum(cell.num_weights for row in self.cells for cell in row)  # number of free coefficients
        self._scales: Array
        self.unreached = self._dead_ends(transposed)
        # What `expand` reads are plain attributes: torch.compile cannot trace a cached property that is not filled.
        self._whole = whole(self.cells, rows, columns, functions)
        self._filters = self._expansion(OnGrid(self._whole.functions, grid), strategy)
        self.parts = self._filters.parts
        self._spectra: tuple[InFunctions, Expansion] | None = None

    @property
    def radial(self) -> ScalarFunctions:
        """The scalar functions, under their name in `compile`."""
        return self.functions

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of the basis that coefficients refer to: representations and functions, not grid or strategy."""
        return fingerprint((_runs(self.in_reps), _runs(self.out_reps), self.functions))

    @property
    def spec(self) -> KernelSpec:
        """The kernels that it is made of, whatever the strategy, as `steer.precompute` takes them."""
        return KernelSpec(self.in_reps, self.out_reps, self.grid, self.functions)

    def __repr__(self) -> str:
        ends = f"{_counts(self.in_reps)} -> {_counts(self.out_reps)} of {self.in_reps.group.name}"
        return f"{type(self).__name__}({ends}, {self.grid!r}, num_weights={self.num_weights})"

    def __reduce__(self) -> tuple[object, ...]:
        return _compile, self._arguments

    def __deepcopy__(self, memo: dict[int, object]) -> "KernelPlan":
        return self

    @property
    def constants(self) -> tuple[np.ndarray, ...]:
        """The sampled functions (float64) and index tables (int64) that `expand` needs."""
        return tuple(table.array for table in self._filters.tables)

    def tensors(self, dtype: torch.dtype, device: torch.device, *, verb: str = "expand") -> tuple[torch.Tensor, ...]:
        """The constants as tensors, which all plans with the same ones share.

        Args:
            dtype: of the sampled functions.
            device: of all.
            verb: "expand", or "spectrum" for what that one reads.

        Returns:
            Tensors in the order and of the shapes of `constants`, for "expand".

        Raises:
            KernelError: another verb, or no dtype or device of torch.
        """
        if not isinstance(dtype, torch.dtype):
            raise KernelError(f"dtype: expected a torch.dtype, got {dtype!r}")
        if not isinstance(device, torch.device):
            raise KernelError(f"device: expected a torch.device, got {device!r}")
        if not is_one_of(verb, ("expand", "spectrum")):
            raise KernelError(f"verb: expected 'expand' or 'spectrum', got {verb!r}")
        return (self._filters if verb == "expand" else self._in_functions()[1]).tensors(dtype, device)

    def expand(self, weight: torch.Tensor, tensors: Sequence[torch.Tensor] | None = None) -> torch.Tensor:
        """The filters of given coefficients, a linear map; differentiable.

        Args:
            weight: flat coefficients (..., num_weights): one vector, or any number of them, as of an ensemble or a
                hypernetwork.
            tensors: `tensors(...)` when the caller keeps them, e.g. as buffers.

        Returns:
            (..., out_size, in_size, *kernel), in the dtype of `weight`.

        Raises:
            KernelError: weights that are no floating-point tensor, or another number of them.
        """
        flat = self._flat(weight)
        filters = self._filters.expand(flat, tensors)
        return filters.reshape(*weight.shape[:-1], self.out_size, self.in_size, *self.grid.shape)

    def spectrum(self, weight: torch.Tensor, tensors: Sequence[torch.Tensor] | None = None) -> torch.Tensor:
        """The coefficients of the kernels in scalar functions, a linear map; differentiable.

        The kernel at points x is ``spectrum @ sample(x)``, in particular the filter is, with the points of the grid.
        A convolution over points needs no more: with z_ib = sum_j phi_b(x_j - x_i) f_j the output at x_i is the sum
        over inputs and functions of ``spectrum`` times z_i.

        The functions are `functions` wherever the group makes combinations of them: of rings, derivatives and pixels
        always. Of interpolated pixels it does so by turns of the lattice only. For other groups the last axis takes
        all functions moved by representatives g of the cosets of the induced fields, phi_b(g^-1 x), by g and then b.

        What it reads is solved for when it is first asked for, which `torch.compile` cannot trace. A layer that is to
        be compiled asks in its `__init__`: ``plan.tensors(dtype, device, verb="spectrum")``. The result need not be
        kept.

        Args:
            weight: flat coefficients (..., num_weights).
            tensors: `tensors(...)` for this verb when the caller keeps them.

        Returns:
            (..., out_size, in_size, functions), in the dtype of `weight`.

        Raises:
            KernelError: weights that are no floating-point tensor, another number of them; in a trace of
                `torch.compile`, what is read has not been solved for.

        Example:
            >>> import steer, torch
            >>> G = steer.group("C8", dim=2)
            >>> plan = steer.kernels.compile([G.vector], [G.regular], (5, 5))
            >>> weight = torch.randn(plan.num_weights, dtype=torch.float64)
            >>> kernel = plan.spectrum(weight) @ torch.from_numpy(plan.sample(plan.grid.points))
            >>> torch.allclose(kernel.reshape(8, 2, 5, 5), plan.expand(weight))
            True
        """
        found = self._in_functions()[1].expand(self._flat(weight), tensors)
        return found.reshape(*weight.shape[:-1], *found.shape[1:])

    def sample(self, points: torch.Tensor | npt.ArrayLike) -> Array:
        """The functions of the last axis of `spectrum` at given points, which are constants: nothing is differentiated.

        Args:
            points: (m, d), coordinates (x, y[, z]) in pixels from the centre.

        Returns:
            (functions, m), float64.

        Raises:
            KernelError: the points are not (m, d), or require gradients; functions of a grid at points where they are
                not defined.
        """
        if isinstance(points, torch.Tensor):
            if points.requires_grad:
                raise KernelError(
                    "points: they require gradients, but the functions are sampled in NumPy, which gives none; "
                    "pass points.detach()"
                )
            points = as_numbers("points", points, KernelError)
        return self._in_functions()[0].at(require_points(points, self.in_reps.group.dim))

    def apply(
        self, weight: torch.Tensor, x: torch.Tensor, *, dim: int = -1, tensors: Sequence[torch.Tensor] | None = None
    ) -> torch.Tensor:
        """The equivariant linear map of features without positions, for kernels of one point; differentiable.

        Args:
            weight: flat coefficients (num_weights,).
            x: features with the channels of the input in axis `dim` and any other axes: (..., in_size), as
                `torch.nn.Linear` takes them, or (batch, in_size, *space) with ``dim=1``, as a convolution of kernel
                size 1 does.
            dim: the axis of channels.
            tensors: `tensors(...)` when the caller keeps them.

        Returns:
            The same with out_size channels: (..., out_size), or (batch, out_size, *space).

        Raises:
            KernelError: kernels of more than one point, weights that are no floating-point tensor or another number of
                them, features of another dtype or another number of channels.
        """
        if math.prod(self.grid.shape) != 1:
            size = " x ".join(map(str, self.grid.shape))
            raise KernelError(f"apply: kernels of {size} points need positions; expand them for a convolution")
        self._flat(weight)
        if weight.dim() != 1:
            raise KernelError(f"weight: expected shape ({self.num_weights},), got {tuple(weight.shape)}")
        _require_features(x, weight, self.in_size, dim)
        matrix = self.expand(weight, tensors).reshape(self.out_size, self.in_size)
        if dim in (-1, x.dim() - 1):
            return torch.nn.functional.linear(x, matrix)
        before, after = x.shape[: dim % x.dim()], x.shape[dim % x.dim() :]
        made = map_channels(matrix, x if len(before) == 1 else x.reshape(math.prod(before), *after))
        return made.reshape(*before, *made.shape[1:])

    def project(self, filter: torch.Tensor | npt.ArrayLike) -> Projection:  # noqa: A002 - what torch calls it
        """The steerable filter that is nearest to a dense one, in the sum of squares over all entries.

        Args:
            filter: (out_size, in_size, *kernel), tensor or array of real numbers.

        Returns:
            Projection (weight, residual, filter); see `steer.project`.

        Raises:
            ShapeError: another shape, or entries that are not finite real numbers.
        """
        dense = as_filter(filter, len(self.grid.shape))
        require_channels(dense, self.out_size, self.in_size)
        return project_on(self, dense)

    def _flat(self, weight: torch.Tensor) -> torch.Tensor:
        """(B, num_weights)."""
        if not isinstance(weight, torch.Tensor) or not weight.is_floating_point():
            got = f"a tensor of {weight.dtype}" if isinstance(weight, torch.Tensor) else f"a {type(weight).__name__}"
            raise KernelError(
                f"weight: expected a tensor of floating-point numbers of shape (..., {self.num_weights}), got {got}; "
                f"make one with torch.as_tensor(weight, dtype=torch.float32)"
            )
        if weight.dim() < 1 or weight.shape[-1] != self.num_weights:
            raise KernelError(f"weight: expected shape (..., {self.num_weights}), got {tuple(weight.shape)}")
        return weight.reshape(math.prod(weight.shape[:-1]), self.num_weights)

    def _expansion(self, reading: Reading, strategy: str) -> Expansion:
        """The map to what is read off all kernels, of which the coefficients that are not kept are zero."""
        return Expansion(self._whole.cells, reading, strategy, self.rows, self.columns, self._whole.kept)

    def _in_functions(self) -> tuple[InFunctions, Expansion]:
        """What `spectrum` reads, and the map; made when first asked for."""
        if self._spectra is None:
            if torch.compiler.is_compiling():
                raise KernelError(
                    "spectrum: what it reads has to be solved for, which torch.compile cannot trace; call "
                    "plan.tensors(dtype, device, verb='spectrum') once before, as in the __init__ of a layer"
                )
            orbits = [rep for rep in (*self.rows, *self.columns) if isinstance(rep, Induced)]
            group = self.in_reps[0].group
            reading = InFunctions(self._whole.functions, group, tuple(dict.fromkeys(rep.subgroup for rep in orbits)))
            strategy = "dense" if self._arguments[4] == "dense" else "auto"
            self._spectra = reading, self._expansion(reading, strategy)
        return self._spectra

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

    def _dead_ends(self, transposed: int) -> tuple[Unreached, ...]:
        """Make the scales of the coefficients; the fields that are not reached."""
        ends, kinds = (self.in_reps, self.out_reps), list(self.rows.items())
        if not transposed:
            self._scales, rows = forward_scales(self.cells, self.grid)
            places = [(start, kinds[row][0]) for row in rows for start in kinds[row][1]]
            return unreached_fields(ends, [(int(ends[1].field_of_channel[start]), rep) for start, rep in places])
        starts = [where for _, where in kinds]
        self._scales, columns = transposed_scales(self.cells, self.grid, starts, transposed)
        kinds, count = list(self.columns.items()), len(self.in_reps)
        found = [
            (group * count + int(self.in_reps.field_of_channel[start]), kinds[column][0])
            for group, column in columns
            for start in kinds[column][1]
        ]
        return unreached_fields(ends[::-1], found)

    def report_unreached(self, answer: str, *, resizable: bool = True) -> None:
        """Say which fields of the output stay zero, if there are some; for layers of one's own.

        Args:
            answer: "warn", "error" or "ignore".
            resizable: whether a larger kernel can be asked for.

        Raises:
            KernelError: another answer; with "error", a field is not reached.
        """
        require_answer(answer)
        require_flag("resizable", resizable, KernelError)
        size = " x ".join(map(str, self.grid.shape))
        kernel = f"there is no steerable {size} kernel {self.functions.reach}" if resizable else "no map leads"
        remedy = self.functions.remedy if resizable else None
        report(self.unreached, answer, kernel, remedy, not self.num_weights)

    def describe(self) -> str:
        """A table of the parts: fields, strategy, coefficients, and the cost of one expansion in float32.

        Mflop are millions of floating-point operations; kB are read and written, held as constants, and temporaries at
        the peak. Where kernels are made for a grid and a band limit, the error of each filter is given, by degree.

        Returns:
            The text of the table.
        """
        heads = ["weights", "Mflop", "kB moved", "kB held", "kB peak"]
        lines = [f"{'from':>28} {'to':>28} {'strategy':>9}" + "".join(f" {head:>9}" for head in heads)]
        total = np.zeros(5)
        flat = [cell for row in self.cells for cell in row]
        for placed in self.parts:
            cost, cells = placed.part.cost, [flat[index] for index in placed.cells]
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
        return "\n".join(lines + self._qualities())

    def _qualities(self) -> list[str]:
        """A line with the errors of the filters by degree, where they are known."""
        names = dict.fromkeys((degree, ring) for degree, ring, _ in self.functions.names(self.in_reps.group.dim))
        found: dict[int, list[str]] = {}
        for degree, ring in names:
            if (quality := self.functions.quality(degree, ring)) is not None:
                found.setdefault(degree, []).append(f"{100 * quality.error:.2g}")
        each = "; ".join(f"degree {degree}: {', '.join(errors)}" for degree, errors in found.items())
        return [f"not steerable, % of the response: {each}"] if found else []


def compile(  # noqa: A001 - the name of the contract; torch.compile is no less a shadow
    in_type: Iterable[Representation],
    out_type: Iterable[Representation],
    grid: Grid | tuple[int, ...],
    *,
    radial: ScalarFunctions | None = None,
    max_frequency: int | None = None,
    strategy: str = "auto",
    transposed: int = 0,
    unreached: str = "warn",
    basis_filter: BasisFilter | None = None,
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
        unreached: what to do about fields of the output, or summands of its direct sums, that no kernel reaches, and
            which are zero therefore: "warn" (a `steer.errors.UnreachedWarning` that names them, and what would help),
            "error", or "ignore". `KernelPlan.unreached` lists them.
        basis_filter: which kernels to keep: a function of the `elements` of `kernel_basis` that returns True or False,
            such as ``lambda e: e.degree % 2 == 0``, or some of the elements. `functions` of the plan is a `Selection`
            then, which stores those that are kept. Coefficients, fingerprint and scales are those of the kept kernels;
            an expansion costs what that of all kernels does.

    Returns:
        The plan; the same object for equal arguments.

    Raises:
        KernelError: the types are of two groups, an argument is out of range, the strategy fits no part of the plan,
            `basis_filter` keeps nothing or fails; or with "error", an output field gets no kernel.

    Example:
        >>> import steer, torch
        >>> G = steer.group("C8", dim=2)
        >>> plan = steer.kernels.compile(3 * [G.trivial], 4 * [G.regular], (5, 5))
        >>> plan.expand(torch.randn(plan.num_weights)).shape
        torch.Size([32, 3, 5, 5])
    """
    in_reps, out_reps = as_fields(in_type, out_type)
    require_functions(radial)
    require_answer(unreached)
    group = in_reps.group
    lattice = grid if isinstance(grid, Grid) else Grid(grid)
    if len(lattice.shape) != group.dim:
        raise KernelError(f"grid: expected {group.dim} sizes for {group.name}, got {lattice.shape}")
    if not is_one_of(strategy, STRATEGIES):
        raise KernelError(f"strategy: expected {' or '.join(map(repr, STRATEGIES))}, got {strategy!r}")
    transposed = require_count("transposed", transposed, KernelError)
    if radial is not None and max_frequency is not None:
        raise KernelError(f"max_frequency: got {max_frequency} beside radial={radial}, whose limits say it; pass one")
    functions = functions_for("rings", lattice, max_frequency) if radial is None else radial
    require_filter(basis_filter)
    collect = collector()
    if collect is not None:
        uncompiled = Uncompiled(in_reps, out_reps, lattice, functions, strategy, transposed)
        collect(uncompiled.spec)
        return uncompiled
    if basis_filter is not None:
        cells = cells_of(out_reps.summands.starts, in_reps.summands.starts, functions)
        elements = (name for row in cells for cell in row for name in cell.basis.elements)
        functions = select(functions, elements, basis_filter)
    plan = _compile(in_reps, out_reps, lattice, functions, strategy, transposed)
    plan.report_unreached(unreached)
    return plan


class Uncompiled(KernelPlan):
    """What `compile` returns while specs are collected: a plan with an identity and no coefficients."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self.in_reps, self.out_reps, self.grid, self.functions, _, _ = arguments
        self.in_size, self.out_size = self.in_reps.size, self.out_reps.size
        self.num_weights, self._scales, self.unreached = 0, np.zeros(0), ()

    def tensors(self, dtype: torch.dtype, device: torch.device, *, verb: str = "expand") -> tuple[torch.Tensor, ...]:
        return ()

    def _flat(self, weight: torch.Tensor) -> NoReturn:
        self.__getattr__("expand")

    def _in_functions(self) -> NoReturn:
        self.__getattr__("spectrum")

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
    functions: ScalarFunctions,
    strategy: str,
    transposed: int = 0,
) -> KernelPlan:
    return KernelPlan(in_reps, out_reps, grid, functions, strategy, transposed)


def _require_features(x: torch.Tensor, weight: torch.Tensor, channels: int, dim: int) -> None:
    """Refuse features that cannot be multiplied by filters; automatic mixed precision brings dtypes together."""
    if not isinstance(x, torch.Tensor):
        raise KernelError(f"x: expected a tensor of the dtype of weight, {weight.dtype}, got a {type(x).__name__}")
    if not -x.dim() <= dim < x.dim() or x.shape[dim] != channels:
        raise KernelError(f"x: expected {channels} channels in axis {dim}, got the shape {tuple(x.shape)}")
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise KernelError(f"x: expected the dtype of weight, {weight.dtype}, got {x.dtype}; convert one of the two")


def _runs(fields: Fields) -> str:
    return " + ".join(f"{count} * [{rep!r}]" for rep, count in fields.runs)


def _counts(fields: Fields) -> str:
    return " + ".join(f"{count} {rep.name}" for rep, count in fields.runs)


def _names(fields: Iterable[tuple[Representation, int]]) -> str:
    found = " + ".join(f"{count} {rep.name}" for rep, count in dict(fields).items())
    return found if len(found) <= 28 else found[:27] + "…"


def _numbers(values: Array) -> str:
    return f" {int(values[0]):>9}" + "".join(f" {value:>9.{2 if value < 100 else 0}f}" for value in values[1:])
