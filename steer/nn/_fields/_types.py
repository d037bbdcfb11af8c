"""Field types, the transformation law of the channels of a feature map, and field tensors, which know theirs."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt
import torch

from ..._spacing import as_spacing
from ..._values import Array, as_numbers
from ...errors import FieldTypeError, GroupError, ShapeError
from ...reps import Fields, Group
from ...reps.groups._e3nn import format_irreps, parse_irreps
from ._index import full_index, kept, named_axes, neighbours, part_sizes
from ._like import TensorLike
from ._precision import exact, wide
from ._reentrant import enter, lent
from ._tensor import is_stand_in, not_dense, note_field, require_tensor
from ._transform import act_on_fibres, act_on_grid
from ._whole import act_on_whole_grid, permute_fibres, require_permuted


class FieldType(Fields):
    """The type of a feature map: a list of fields, each a representation of one group on its own channels.

    A feature map of this type is a tensor (batch, size, *space) that transforms as (g f)(x) = rho(g) f(g^-1 x); field i
    has the channels offsets[i] to offsets[i + 1]. Types are frozen values: they add by ``+``, ``len(t)`` counts fields,
    ``t[i]`` is a representation; ``t[1:3]``, ``t[[2, 0]]`` and ``t[mask]`` are types. Calling one with a tensor gives a
    `FieldTensor`.

    Args:
        group: the symmetry group.
        representations: one for each field, in the order of the channels, e.g. ``16 * [group.regular]``.

    Attributes:
        group: the symmetry group.
        representations: one for each field.
        size: number of channels.
        offsets: first channel of each field, then `size`.

    Raises:
        FieldTypeError: no field, one that is not a representation of `group`, or a set or dictionary of them.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> t = nn.FieldType(G, [G.trivial, G.vector] + 2 * [G.regular])
        >>> t.size, t.offsets
        (11, (0, 1, 3, 7, 11))
        >>> t(torch.randn(2, t.size, 8, 8)).type == t
        True
    """

    @classmethod
    def from_irreps(cls, irreps: str, group: Group | None = None) -> Self:
        """The type of a string as e3nn writes it, such as "8x0e + 4x1o": a field for each copy of each irrep.

        The fields and their order are those of `e3nn.o3.Irreps`; the basis of each is ours. Features change to it by
        the matrix of `steer.reps.e3nn_basis`.

        Args:
            irreps: terms "8x1o" or "1o" joined by "+", a degree and a parity: "e" even, "o" odd, "y" that of the
                harmonics. Without parities they are irreps of SO(3). An `e3nn.o3.Irreps` will do too.
            group: O(3), the default where there are parities, or SO(3), which leaves them out.

        Returns:
            The type.

        Raises:
            FieldTypeError: no such string, no field in it, or another group.

        Example:
            >>> from steer import nn
            >>> t = nn.FieldType.from_irreps("8x0e + 4x1o")
            >>> print(t)
            8 0e + 4 1o of O(3) (20 channels)
            >>> t.irreps_string
            '8x0e + 4x1o'
        """
        return cls(*parse_irreps(irreps, group))

    @property
    def irreps_string(self) -> str:
        """The irreps of all fields as e3nn writes them: "8x0e + 4x1o" for O(3), "8x0 + 4x1" for SO(3).

        Fields that are no irreps count as those that they split into, in the order of `Representation.irreps`.

        Raises:
            FieldTypeError: the group is neither.
        """
        return format_irreps(self)

    def transform(
        self,
        x: torch.Tensor,
        g: npt.ArrayLike,
        *,
        order: int = 3,
        lattice: str = "square",
        spacing: Sequence[float] | float | None = None,
    ) -> torch.Tensor:
        """The action (g f)(x) = rho(g) f(g^-1 x) of group elements on feature maps; differentiable in x.

        Space turns about the centre of the grid. When g maps the lattice to itself (quarter turns, flips; sixths of a
        turn of hexagonal maps) the samples are permuted, which is exact. Otherwise they are interpolated by splines,
        zero outside of the grid. The error for a smooth field, relative to its maximum, is about 2e-3 at order 3 and
        1e-4 at order 5 when its wavelengths are 8 pixels or longer, 3e-2 and 5e-3 when they are 4. The sums are taken
        in float64 (in float32 on devices that have no float64), on the device of x.

        Integers and booleans, such as label maps and masks, move without interpolation: with ``order=0`` each output is
        the nearest sample, or 0 (False) outside of the grid, in the dtype of x and exact. Their fields must be ones
        that the group permutes. Label maps (batch, *space) take an axis of channels: ``x[:, None]``.

        The shape of the grid stays, but for one element g that exchanges axes of different sizes: a quarter turn of an
        image (height, width) has the shape (width, height). With an element for each sample, whose results are one
        tensor, the shape always stays: what turns out of the grid is lost, and zeros come in.

        Args:
            x: (batch, size, *space), a grid of any sizes; (batch, size) for features without positions; (batch, size,
                n) for features of n points in the plane or in space, whose positions are turned by `transform_points`.
            g: an element of the group, (d, d) or what size its elements have; or one for each sample, (batch, d, d) or
                a sequence of matrices.
            order: degree of the splines, from 0 (the nearest sample) to 5.
            lattice: of the samples: "square" (cubic in space), or "hexagonal" for maps as `nn.to_hexagonal` makes.
            spacing: distances of neighbouring samples ([z,] y, x) in any unit, such as (3.0, 1.0, 1.0) for thick
                slices; None where they are equal. An element that exchanges axes of different spacing interpolates.

        Returns:
            (batch, size, *space), in the dtype of x.

        Raises:
            ShapeError: the channels or axes of x do not fit the type or g, another number of elements than of samples,
                or no splines are of that order, no lattice has that name, or spacing is none; integers with another
                order than 0, or on hexagonal maps by an element that does not map the lattice to itself.
            FieldTypeError: integers, and a field that is not a permutation representation.
            GroupError: g is not in the group.

        Example:
            >>> import steer, torch
            >>> from steer import nn
            >>> G = steer.group("SO(2)", dim=2)
            >>> label = nn.FieldType(G, [G.trivial])
            >>> labels = torch.tensor([[0, 1, 2], [0, 1, 2], [0, 1, 2]])
            >>> label.transform(labels[None, None], [[0, -1], [1, 0]], order=0)[0, 0]
            tensor([[0, 0, 0],
                    [1, 1, 1],
                    [2, 2, 2]])
        """
        whole = isinstance(x, torch.Tensor) and not x.is_floating_point() and not x.is_complex()
        if whole:
            self._check_channels(x)
            require_permuted(self, x, order)
        else:
            self.check(x)
        steps = as_spacing(spacing, self.group.dim, ShapeError)
        elements = self._elements(g, len(x))
        moved = x
        if x.dim() != 2 and (x.dim() != 3 or self.group.dim == 1):
            act = act_on_whole_grid if whole else act_on_grid
            moved = act(x, self.group.action(elements), order, lattice, steps)
        return permute_fibres(moved, self, elements) if whole else act_on_fibres(moved, self, elements).to(x.dtype)

    def transform_fibers(self, x: torch.Tensor, g: npt.ArrayLike) -> torch.Tensor:
        """The action rho(g) f of group elements on the channels alone, without moving space; differentiable in x.

        Args:
            x: (batch, size, ...), any axes after the channels.
            g: an element of the group, (d, d), or one for each sample, (batch, d, d).

        Returns:
            (batch, size, ...), in the dtype of x.

        Raises:
            ShapeError: the channels of x do not fit the type, or another number of elements than of samples.
            GroupError: g is not in the group.
        """
        self.check(x)
        return act_on_fibres(x, self, self._elements(g, len(x))).to(x.dtype)

    def transform_points(
        self, x: torch.Tensor, points: torch.Tensor, g: npt.ArrayLike
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The action of group elements on features of points: rho(g) f at g p; differentiable in both.

        Args:
            x: (n, size), the features of n points; or (batch, size, n).
            points: (n, dim) or, beside (batch, size, n), (batch, n, dim): their coordinates (x, y[, z]).
            g: an element of the group, (d, d) or what size its elements have; or one for each of the first axis of x:
                for each sample or, beside (n, size), for each point, such as ``elements[sample_of_point]``.

        Returns:
            Features and coordinates in the dtypes and shapes that were given; coordinates (batch, n, dim) if there is
            an element for each sample.

        Raises:
            ShapeError: features or coordinates do not fit the type or each other, or another number of elements.
            GroupError: g is not in the group.
        """
        self.check(x)
        count = len(x) if x.dim() == 2 else x.shape[-1]
        shapes = [(count, self.group.dim), (len(x), count, self.group.dim)][: x.dim() - 1]
        if x.dim() > 3 or tuple(require_tensor("points", points).shape) not in shapes:
            raise ShapeError(
                f"points: expected coordinates of shape {' or '.join(map(str, shapes))} beside features of shape "
                f"{tuple(x.shape)}, got {tuple(points.shape)}"
            )
        elements = self._elements(g, len(x))
        dtype = wide(points)
        move = torch.tensor(self.group.action(elements), dtype=dtype, device=points.device)
        per_point = x.dim() == 2 and elements.ndim == 3
        rows = points.to(dtype).unsqueeze(-2) if per_point else points.to(dtype)  # one for each matrix, or all of them
        with exact(points.device):
            moved = rows @ move.mT
        moved = moved.squeeze(-2) if per_point else moved
        return act_on_fibres(x, self, elements).to(x.dtype), moved.to(points.dtype)

    def _elements(self, g: npt.ArrayLike, samples: int) -> Array:
        """(d, d) or (samples, d, d): an element of the group, or one for each sample."""
        if isinstance(g, torch.Tensor) and g.requires_grad:
            raise GroupError("g: elements are constants here, without gradient; pass g.detach()")
        elements = as_numbers("g", g, GroupError, "matrices")
        if elements.ndim == 3 and len(elements) != samples:
            raise ShapeError(
                f"g: expected an element for each of {samples} samples, or one for all of them, got {len(elements)}"
            )
        if elements.ndim > 3:
            raise ShapeError(f"g: expected one matrix, or one for each sample, got shape {elements.shape}")
        return elements

    def check(self, x: torch.Tensor) -> None:
        """Raise an error unless a tensor has this type's channels.

        Args:
            x: (batch, size, ...), of a floating-point dtype.

        Raises:
            ShapeError: another number of channels, fewer than two axes, a dtype that is not floating-point, or a tensor
                that is sparse or nested.
        """
        self._check_channels(x)
        if x.is_complex():
            raise ShapeError(
                f"x: expected a real tensor, got {x.dtype}; take the real and the imaginary part as two fields, as in "
                f"torch.cat([x.real, x.imag], 1)"
            )
        if x.is_quantized:
            raise ShapeError(
                f"x: expected a floating-point tensor, got {x.dtype}; quantise what steer.export(model) returns, since "
                f"torch's tools know torch's layers alone, or convert the tensor with x.dequantize()"
            )
        if not x.is_floating_point():
            raise ShapeError(f"x: expected a floating-point tensor, got {x.dtype}; convert it with x.float()")

    def _check_channels(self, x: torch.Tensor) -> None:
        """Refuse what is no tensor, or one of another number of channels."""
        if not isinstance(x, torch.Tensor):  # checked at every call of a layer, where printing the type takes too long
            if isinstance(x, FieldTensor):  # type: ignore[unreachable]
                raise ShapeError(
                    "x: expected a plain tensor, got a FieldTensor f; pass f.tensor, or move the field by "
                    "f.transform(g), and its points by f.type.transform_points(f.tensor, points, g)"
                )
            require_tensor("x", x, f"a tensor (batch, {self.size}, ...) for {self}")
        if x.is_nested or x.layout is not torch.strided:
            raise not_dense("x", x)
        if x.dim() < 2 or x.shape[1] != self.size:
            raise ShapeError(f"x: expected a tensor (batch, {self.size}, ...) for {self}, got shape {tuple(x.shape)}")

    def __call__(self, x: torch.Tensor) -> "FieldTensor":
        """A tensor with this type.

        Args:
            x: (batch, size, ...), of a floating-point dtype.

        Returns:
            The field tensor (batch, size, ...), which holds x itself.

        Raises:
            ShapeError: the tensor does not fit the type.
        """
        return FieldTensor(x, self)


@dataclass(frozen=True, eq=False)
class FieldTensor(TensorLike):
    """A tensor (batch, type.size, ...) that knows its field type; made by calling the type, ``f = type(tensor)``.

    Modules check its type when they run and return a FieldTensor of their output type. It is a pytree.

    ``f[:, 2:5]`` has fields 2, 3 and 4, ``f[:, 3]`` field 3 alone, ``f[:, [3, 0]]`` those two in that order: the second
    index counts fields, not channels, and the result is a FieldTensor of their types; a mask, one boolean for each
    field, will do too. The other axes take slices, and lists, 1-d tensors or masks, each axis by itself, and stay:
    ``f[8:16]`` are samples, ``f[..., 1:-1, 1:-1]`` is a crop.

    It has the attributes and methods of a tensor that leave channels what they are: shapes, casts, moves, copies, means
    over space. ``g @ f`` is the field moved by a group element, as `transform` does; the rest is up to ``f.tensor``.

    Fields of one type add and subtract, and scale by numbers and by tensors without axes (`torch.compile` can trace the
    former only). See `cat` and `split`.

    Attributes:
        tensor: (batch, type.size, ...), of a floating-point dtype.
        type: its field type.

    Raises:
        ShapeError: the tensor has another number of channels, fewer than two axes, or is not floating-point; an index
            that would drop an axis; a sum of fields over spaces of different dimensions.
        FieldTypeError: a sum of fields of two types, a product with what is no scalar, or an index of no field.
        IndexError: there is no field of that number.
    """

    tensor: torch.Tensor
    type: FieldType

    def __post_init__(self) -> None:
        if not isinstance(self.type, FieldType):
            raise FieldTypeError(f"type: expected a FieldType, got {self.type!r}")
        if is_stand_in(self.tensor):
            note_field(self.tensor)
            return
        self.type.check(self.tensor)
        if not torch.is_grad_enabled():
            enter(self)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            return lent(self) if name == "tensor" and "_lent" in self.__dict__ else super().__getattr__(name)

    def _same(self, tensor: torch.Tensor) -> "FieldTensor":
        return FieldTensor(tensor, self.type)

    def restrict(self, subgroup: Group | str) -> "FieldTensor":
        """The same features, as fields of a subgroup; see `FieldType.restrict` and `nn.Restrict`.

        Args:
            subgroup: a subgroup of the type's group, or its name.

        Returns:
            The field (batch, type.size, ...), with the same tensor.

        Raises:
            GroupError: not a subgroup.
        """
        return FieldTensor(self.tensor, self.type.restrict(subgroup))

    def transform(
        self,
        g: npt.ArrayLike,
        *,
        order: int = 3,
        lattice: str = "square",
        spacing: Sequence[float] | float | None = None,
    ) -> "FieldTensor":
        """The field moved by a group element, or by one for each sample; see `FieldType.transform`.

        Args:
            g: an element of the group, (d, d), or one for each sample, (batch, d, d).
            order: degree of the splines that interpolate, from 0 to 5.
            lattice: of the samples, "square" or "hexagonal".
            spacing: distances of neighbouring samples ([z,] y, x); None where they are equal.

        Returns:
            The moved field (batch, type.size, *space).

        Raises:
            ShapeError: the axes do not fit g, another number of elements than of samples, or no splines are of that
                order, or no lattice has that name.
            GroupError: g is not in the group.
        """
        return FieldTensor(
            self.type.transform(self.tensor, g, order=order, lattice=lattice, spacing=spacing), self.type
        )

    def split(self, sizes: int | Sequence[int]) -> tuple["FieldTensor", ...]:
        """Consecutive parts with given numbers of fields; see `split`.

        Args:
            sizes: the number of fields of each part, or one number for all, of which the last part has what is left.

        Returns:
            The parts (batch, size of the part, ...), as views.

        Raises:
            FieldTypeError: the sum of the sizes is not the number of fields.
        """
        ends = [0, *itertools.accumulate(part_sizes(sizes, len(self.type), self.type))]
        kinds = [self.type[start:end] for start, end in itertools.pairwise(ends)]
        parts = torch.split(self.tensor, [kind.size for kind in kinds], 1)
        return tuple(FieldTensor(parts[index], kind) for index, kind in enumerate(kinds))

    def __getitem__(self, index: object) -> "FieldTensor":
        out, kind = self.tensor, self.type
        for axis, item in enumerate(full_index(index, named_axes(index) if is_stand_in(out) else out.dim())):
            if isinstance(item, slice) and item == slice(None):
                continue
            if axis != 1:
                out = out[(*axis * [slice(None)], kept(item, axis))]
                continue
            fields = kind._selected(item)
            # neighbours in one piece, which is a view when there are no others
            pieces = [out[:, kind.offsets[start] : kind.offsets[end]] for start, end in neighbours(fields)]
            out = pieces[0] if len(pieces) == 1 else torch.cat(pieces, 1)
            kind = kind[fields]
        return FieldTensor(out, kind)

    __array_ufunc__ = None  # so that an array leaves ``g @ f`` to the field

    def __rmatmul__(self, g: npt.ArrayLike) -> "FieldTensor":
        return self.transform(g)

    __iter__ = None  # or Python would iterate by f[0], f[1], ...

    def __add__(self, other: "FieldTensor") -> "FieldTensor":
        if not isinstance(other, FieldTensor):
            return NotImplemented
        self._require_same(other, "+", "added")
        return FieldTensor(self.tensor + other.tensor, self.type)

    def __sub__(self, other: "FieldTensor") -> "FieldTensor":
        if not isinstance(other, FieldTensor):
            return NotImplemented
        self._require_same(other, "-", "subtracted")
        return FieldTensor(self.tensor - other.tensor, self.type)

    def __mul__(self, scalar: float | torch.Tensor) -> "FieldTensor":
        if not self._scales_by(scalar, "*"):
            return NotImplemented
        return FieldTensor(self.tensor * scalar, self.type)

    __rmul__ = __mul__

    def __truediv__(self, scalar: float | torch.Tensor) -> "FieldTensor":
        if not self._scales_by(scalar, "/"):
            return NotImplemented
        return FieldTensor(self.tensor / scalar, self.type)

    def __neg__(self) -> "FieldTensor":
        return FieldTensor(-self.tensor, self.type)

    def _require_same(self, other: "FieldTensor", sign: str, done: str) -> None:
        if other.type is not self.type and other.type != self.type:
            raise FieldTypeError(f"{sign}: fields of two types cannot be {done}: {self.type} and {other.type}")
        if is_stand_in(self.tensor) or is_stand_in(other.tensor):
            return
        if other.tensor.dim() != self.tensor.dim():  # broadcasting would take the batch for an axis of space
            raise ShapeError(
                f"{sign}: fields over spaces of different dimensions cannot be {done}: shapes {tuple(self.shape)} and "
                f"{tuple(other.shape)}"
            )

    def _scales_by(self, scalar: object, sign: str) -> bool:
        """Whether `scalar` is one; what can be no factor of a field is refused."""
        if isinstance(scalar, FieldTensor):
            raise FieldTypeError(
                f"{sign}: components of fields do not multiply to a field: {self.type} and {scalar.type}; a field is "
                f"scaled by invariants, as nn.Gate does"
            )
        if isinstance(scalar, torch.Tensor) and scalar.dim() > 0:
            raise FieldTypeError(
                f"{sign}: a field of type {self.type} is scaled by a number or a tensor without axes, got a tensor "
                f"{tuple(scalar.shape)}; act on f.tensor if all components of a field get the same factor"
            )
        if isinstance(scalar, int) and not -(2**63) <= scalar < 2**63:
            raise FieldTypeError(f"{sign}: expected a factor of at most 64 bits, got {scalar}; write it as a float")
        return isinstance(scalar, int | float | torch.Tensor) or is_stand_in(scalar)


def _flatten(field: FieldTensor) -> tuple[list[torch.Tensor], FieldType]:
    return [field.tensor], field.type


def _unflatten(leaves: Iterable[torch.Tensor], field_type: FieldType) -> FieldTensor:
    # Transformations put placeholders of other shapes into pytrees, so nothing is checked here.
    out = object.__new__(FieldTensor)
    object.__setattr__(out, "tensor", next(iter(leaves)))
    object.__setattr__(out, "type", field_type)
    if not torch.is_grad_enabled():
        enter(out)
    return out


torch.utils._pytree.register_pytree_node(FieldTensor, _flatten, _unflatten, serialized_type_name="steer.nn.FieldTensor")


def require_types(owner: str, **types: FieldType) -> None:
    """Refuse what is no field type.

    Raises:
        FieldTypeError: names the argument, and the layer or function that it was given to.
    """
    for name, value in types.items():
        if not isinstance(value, FieldType):
            raise FieldTypeError(f"{name}: {owner} expects a FieldType, got {value!r}")


def require_map(owner: str, in_type: FieldType, out_type: FieldType) -> None:
    """Refuse types between which there is no equivariant map because they are of two groups.

    Raises:
        FieldTypeError: names both groups.
    """
    if out_type.group != in_type.group:
        raise FieldTypeError(
            f"out_type: {owner} maps between fields of one group, got in_type of {in_type.group!r} and out_type of "
            f"{out_type.group!r}; go to a subgroup with nn.Restrict first"
        )
