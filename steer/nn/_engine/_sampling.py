"""How a layer reads the samples of space, axis by axis: from which size on it can, and which symmetries it keeps.

A symmetry of the grid permutes the axes of space and turns some of them round. Layers treat axes that a group mixes
alike, so such an element is kept if and only if what the layer reads along each axis that it turns round is its own
mirror image. That is a question of integers, one axis at a time.
"""

import abc
import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..._spacing import Spacing
from ..._values import Array, Frozen
from ...reps import Group
from .._fields._transform import lattice_steps

Indices = npt.NDArray[np.int64]

FAR: Final = 64
"""Sizes and options are sought up to this far away."""


class Reads(NamedTuple):
    """Which samples of the output read which of the input, an entry of each array (m,) for each that is read."""

    output: Indices
    input: Indices
    role: Indices
    """What tells apart two readings of one sample: the place in the kernel, a divisor."""
    mirrored: Indices
    """The same role seen from the other end."""


class AxisSampling(Frozen, abc.ABC):
    """How a layer reads one axis."""

    @abc.abstractmethod
    def samples(self, n: int) -> int:
        """Samples of the output for n of the input; below 1 where there can be no output."""

    @abc.abstractmethod
    def reads(self, n: int) -> Reads:
        """What is read of n samples."""

    def fits(self, n: int) -> bool:
        """Whether n samples are enough."""
        return n >= 1 and self.samples(n) >= 1

    @property
    def least(self) -> int:
        """The smallest number of samples that are enough."""
        return next(n for n in itertools.count(1) if self.fits(n))

    def keeps(self, n: int) -> bool:
        """Whether turning the axis round before or after the layer is the same, for n samples."""
        out, found = self.samples(n), self.reads(n)
        roles = 1 + max(found.role.max(initial=0), found.mirrored.max(initial=0))
        here = (found.output * n + found.input) * roles + found.role
        there = ((out - 1 - found.output) * n + n - 1 - found.input) * roles + found.mirrored
        return bool(np.array_equal(np.sort(here), np.sort(there)))

    @property
    def always_keeps(self) -> bool:
        """Whether it is known without a size that `keeps` holds for all."""
        return False

    def options(self, sizes: list[int]) -> dict[str, object]:
        """Arguments of the layer, each of which with this value would keep the symmetry at all these sizes."""
        return {}


@dataclass(frozen=True)
class Window(AxisSampling):
    """A window that moves by a stride, as of convolutions and pools; arguments as those of torch.

    Args:
        kernel_size: samples of the window.
        stride: step of the window.
        padding: samples added at each end.
        dilation: step between the samples of the window.
        padding_mode: what padding reads: "zeros" (or minus infinity: nothing), "reflect", "replicate" or "circular".
        taps: how the samples of a window differ: "ordered" as of a kernel, "even" as of one that is its own mirror
            image, "alike" as of a maximum.
        ceil_mode: whether a last window may reach over the end.
        count_include_pad: whether padding counts in the divisor of a mean; `taps` are then alike.
    """

    kernel_size: int
    stride: int
    padding: int
    dilation: int = 1
    padding_mode: str = "zeros"
    taps: str = "ordered"
    ceil_mode: bool = False
    count_include_pad: bool = False

    @property
    def _span(self) -> int:
        return self.dilation * (self.kernel_size - 1)

    @property
    def always_keeps(self) -> bool:
        return self.stride == 1

    def samples(self, n: int) -> int:
        room = n + 2 * self.padding - self._span - 1 + (self.stride - 1 if self.ceil_mode else 0)
        found = room // self.stride + 1
        # as torch: the last window begins inside of the map or of the padding before it
        return found - 1 if self.ceil_mode and (found - 1) * self.stride >= n + self.padding else found

    def fits(self, n: int) -> bool:
        most = {"reflect": n - 1, "circular": n}.get(self.padding_mode, self.padding)
        return super().fits(n) and self.padding <= most

    def reads(self, n: int) -> Reads:
        count, taps = self.samples(n), np.arange(self.kernel_size)
        starts = np.arange(count) * self.stride - self.padding
        output = np.repeat(np.arange(count), self.kernel_size)
        tap = np.tile(taps, count)
        where = (starts[:, None] + self.dilation * taps).ravel()
        inside = np.ones(len(where), dtype=bool)
        if self.padding_mode == "zeros":
            inside = (where >= 0) & (where < n)
        elif self.padding_mode == "circular":
            where = where % n
        elif self.padding_mode == "replicate":
            where = where.clip(0, n - 1)
        else:
            where = np.abs(where)
            where = n - 1 - np.abs(n - 1 - where)
        role, mirrored = tap, self.kernel_size - 1 - tap
        if self.count_include_pad:  # the divisor, of a window cut off at the end of the padding
            role = mirrored = np.minimum(starts + self.kernel_size, n + self.padding)[output] - starts[output]
        elif self.taps == "even":
            role = mirrored = np.minimum(role, mirrored)
        elif self.taps == "alike":
            role = mirrored = np.zeros_like(tap)
        return Reads(output[inside], where[inside], role[inside], mirrored[inside])

    def _nearest(self, name: str, sizes: list[int]) -> dict[str, object]:
        """The argument with the integer nearest to its own that keeps the symmetry, if there is one."""
        own: int = getattr(self, name)
        for value in (own + sign * step for step in range(1, FAR) for sign in (1, -1)):
            changed: dict[str, Any] = {name: value}
            other = dataclasses.replace(self, **changed)
            if other._is_allowed and all(other.fits(n) and other.keeps(n) for n in sizes):
                return {name: value}
        return {}

    @property
    def _is_allowed(self) -> bool:
        """Whether torch takes these arguments: it refuses padding of pools by more than half of a window."""
        most = self.kernel_size // 2 if self.taps == "alike" else self.padding
        return self.kernel_size >= 1 and 0 <= self.padding <= most

    def options(self, sizes: list[int]) -> dict[str, object]:
        return self._nearest("padding", sizes) | self._nearest("kernel_size", sizes)


def centred(n: int, kernel_size: int, stride: int) -> tuple[int, int]:
    """How ceil(n / stride) outputs, each a stride from the next, lie about the centre of n samples.

    Returns:
        Twice the distance of the first of them from the first sample, and 1 if a kernel of that size must have a sample
        more to read them symmetrically, else 0.
    """
    rest = (n - 1) % stride
    return rest, (kernel_size - 1 - rest) % 2


@dataclass(frozen=True)
class Centred(AxisSampling):
    """A window that is its own mirror image and moves by a stride, with outputs about the centre for all sizes.

    Args:
        kernel_size: samples of the window; one more where the size asks for it.
        stride: step of the window, at most its size.
    """

    kernel_size: int
    stride: int

    @property
    def always_keeps(self) -> bool:
        return True

    def samples(self, n: int) -> int:
        return -(-n // self.stride)

    def reads(self, n: int) -> Reads:
        rest, odd = centred(n, self.kernel_size, self.stride)
        edge = self.kernel_size + odd
        return Window(edge, self.stride, (edge - 1 - rest) // 2, taps="even").reads(n)


@dataclass(frozen=True)
class Spread(AxisSampling):
    """A transposed convolution: each sample of the input is spread over a kernel; arguments as those of torch."""

    kernel_size: int
    stride: int
    padding: int
    dilation: int = 1
    output_padding: int = 0

    @property
    def always_keeps(self) -> bool:
        return self.output_padding == 0

    def samples(self, n: int) -> int:
        span = self.dilation * (self.kernel_size - 1)
        return (n - 1) * self.stride - 2 * self.padding + span + 1 + self.output_padding

    def reads(self, n: int) -> Reads:
        source, tap = np.repeat(np.arange(n), self.kernel_size), np.tile(np.arange(self.kernel_size), n)
        output = source * self.stride + tap * self.dilation - self.padding
        inside = (output >= 0) & (output < self.samples(n))
        return Reads(output[inside], source[inside], tap[inside], self.kernel_size - 1 - tap[inside])

    def options(self, sizes: list[int]) -> dict[str, object]:
        return {"output_padding": 0}


@dataclass(frozen=True)
class Resize(AxisSampling):
    """Interpolation to a size, or by a factor; arguments as those of `steer.nn.Upsample`."""

    size: int | None
    scale_factor: float | None
    mode: str = "nearest"
    align_corners: bool = False

    def samples(self, n: int) -> int:
        if self.size is not None:
            return self.size
        assert self.scale_factor is not None, "one of the two is given"
        return math.floor(n * self.scale_factor)

    @property
    def least(self) -> int:
        if self.scale_factor is None or self.scale_factor >= 1:
            return 1
        first = max(1, math.floor(1 / self.scale_factor) - 1)  # counting from 1 could take long
        return next(n for n in itertools.count(first) if self.fits(n))

    def reads(self, n: int) -> Reads:
        # Of interpolation between samples only what is read is asked, and it is read symmetrically about the centre but
        # where there is one sample at a corner.
        count = self.samples(n)
        output = np.arange(count)
        if self.mode == "nearest":
            source = self._nearest_of(n, count)
        else:
            source = output * 0 if count == 1 and self.align_corners else np.full(count, -1)
        none = np.zeros(count, dtype=np.int64)
        kept = source >= 0
        return Reads(output[kept], source[kept], none[kept], none[kept])

    def _nearest_of(self, n: int, count: int) -> Indices:
        """(count,): the sample that each output is, as torch computes it, in single precision."""
        output = np.arange(count)
        if count % n == 0 and count // n <= 2:
            return output // (count // n)
        scale = np.float32(n) / np.float32(count)
        found: Indices = np.floor(output.astype(np.float32) * scale).astype(np.int64).clip(max=n - 1)
        return found

    def options(self, sizes: list[int]) -> dict[str, object]:
        return {"mode": "linear"} if self.mode == "nearest" else {"align_corners": False}


@dataclass(frozen=True)
class Adaptive(AxisSampling):
    """As many windows as the output has samples, laid over the axis symmetrically, so that nothing can be lost."""

    output_size: int | None
    """None for as many as the input has."""

    @property
    def always_keeps(self) -> bool:
        return True

    def samples(self, n: int) -> int:
        return n if self.output_size is None else self.output_size

    def reads(self, n: int) -> Reads:
        """Window i of m is [floor(i n / m), ceil((i + 1) n / m)), of which the ends are given."""
        count = self.samples(n)
        index = np.arange(count)
        first, last = index * n // count, -(-(index + 1) * n // count) - 1
        begin, end = np.zeros_like(index), np.ones_like(index)
        return Reads(
            np.concatenate([index, index]),
            np.concatenate([first, last]),
            np.concatenate([begin, end]),
            np.concatenate([end, begin]),
        )


@dataclass(frozen=True)
class GridLoss:
    """The exact symmetries of the grid that a layer loses on maps of one size.

    Attributes:
        space: the size ([z,] y, x).
        axes: the axes of space that are not read symmetrically and that the group turns round, 0 for the first.
        elements: (n, d, d), the symmetries of the grid in the group that are lost, each of which turns one of them.
        symmetries: how many symmetries of the grid the group has, the identity among them.
        sizes: the nearest sizes, up to one smaller and one larger, for which none is lost.
        options: arguments of the layer, with values of which each alone would keep all of them at this size.
        layers: of a network, the layers that lose some, each with the size that reaches it.
    """

    space: tuple[int, ...]
    axes: tuple[int, ...]
    elements: Array
    symmetries: int
    sizes: tuple[tuple[int, ...], ...]
    options: dict[str, object]
    layers: tuple[str, ...] = ()

    def __str__(self) -> str:
        names = "zyx"[-len(self.space) :]
        axes = " and ".join(names[axis] for axis in self.axes)
        axes += f" of {', '.join(self.layers)}" if self.layers else ""
        remedies = ["maps of " + " or ".join(map(by, self.sizes))] if self.sizes else []
        remedies += [f"{name}={value!r}" for name, value in self.options.items()]
        found = (
            f"on maps of {by(self.space)} the samples along {axes} do not lie symmetrically about the centre, so that "
            f"{len(self.elements)} of the {self.symmetries} symmetries that the group shares with the grid are lost"
        )
        return f"{found}; what keeps them: {' or '.join(remedies)}" if remedies else found


def by(space: Iterable[int]) -> str:
    """A size of space, for printing: 64 x 64."""
    return " x ".join(map(str, space))


def settings(axes: tuple[AxisSampling, ...]) -> str:
    """The arguments that say how the axes are read and are not the usual ones, for printing."""
    found = []
    for field in dataclasses.fields(axes[0]):  # type: ignore[arg-type]
        values = [getattr(axis, field.name) for axis in axes]
        if field.name != "taps" and any(value not in (None, field.default) for value in values):
            found.append(f"{field.name}={values[0] if len(set(values)) == 1 else tuple(values)!r}")
    return ", ".join(found)


def loss_of(
    group: Group, axes: tuple[AxisSampling, ...], space: tuple[int, ...], spacing: Spacing = None
) -> GridLoss | None:
    """What a layer loses of the exact symmetries of the grid on maps of one size; see `steer.nn.grid_loss`.

    Args:
        group: the group of the layer's fields.
        axes: how the layer reads each axis of space ([z,] y, x).
        space: the size of the map.
        spacing: of its samples.

    Returns:
        The loss; None where there is none.
    """
    lost = np.array([not _keeps(axis, n) for axis, n in zip(axes, space, strict=True)])
    if not lost.any():
        return None
    elements, turned = _turned(group, spacing)
    broken = (turned & lost).any(axis=1)
    if not broken.any():
        return None
    places = np.flatnonzero(turned.any(axis=0) & lost).tolist()
    options = _options(axes, space, np.flatnonzero(turned.any(axis=0)).tolist())
    sizes = []
    for sign in (-1, 1):
        near = {place: _nearest_size(axes[place], space[place], sign) for place in places}
        if min(near.values()):
            sizes.append(tuple(near.get(place, n) for place, n in enumerate(space)))
    return GridLoss(space, tuple(places), elements[broken], len(elements), tuple(sizes), options)


def _options(axes: tuple[AxisSampling, ...], space: tuple[int, ...], turned: list[int]) -> dict[str, object]:
    """Arguments with values, of which each alone keeps all the axes that are turned; for each axis, or one number.

    Axes that are read alike keep to be, since the group may mix them.
    """
    alike: dict[AxisSampling, list[int]] = {}
    for place in turned:
        alike.setdefault(axes[place], []).append(space[place])
    found = {
        axis: axis.options(sizes) for axis, sizes in alike.items() if not all(_keeps(axis, size) for size in sizes)
    }
    out: dict[str, object] = {}
    for name in next(iter(found.values())):
        if all(name in options for options in found.values()):
            values = [found[axis][name] if axis in found else getattr(axis, name) for axis in axes]
            out[name] = values[0] if len(set(values)) == 1 else tuple(values)
    return out


@functools.lru_cache(maxsize=4096)
def _keeps(axis: AxisSampling, n: int) -> bool:
    return axis.keeps(n)


def _nearest_size(axis: AxisSampling, n: int, sign: int) -> int:
    """The nearest smaller or larger size that keeps the symmetry; 0 where there is none nearby."""
    near = range(n + sign, n + sign * FAR, sign)
    return next((other for other in near if axis.fits(other) and axis.keeps(other)), 0)


def symmetries(group: Group, spacing: Spacing) -> Array:
    """(n, d, d): the elements of a group that map the square (cubic) grid of samples to itself."""
    return _turned(group, spacing)[0]


@functools.lru_cache(maxsize=256)
def _turned(group: Group, spacing: Spacing) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The symmetries of the grid in a group (n, d, d), and which axes ([z,] y, x) each turns round (n, dim)."""
    elements = group._grid_symmetries()
    elements = elements[lattice_steps(group.action(elements), "square", spacing)[1]]
    return elements, (np.round(group.action(elements)) == -1).any(axis=1)[:, ::-1]
