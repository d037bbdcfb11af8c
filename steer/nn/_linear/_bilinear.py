"""Equivariant bilinear maps of two features, with weights of their own or given for each sample."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch

from ..._values import is_one_of, require_count, require_flag
from ...errors import FieldTypeError, RepresentationError, ShapeError, SteerError
from ...kernels.cache import fingerprint
from .._engine._arguments import require_place
from .._engine._hooked import require_own
from .._engine._layout import computed
from .._engine._module import Module
from .._fields._precision import exact
from .._fields._tensor import require_tensor
from .._fields._types import FieldTensor, FieldType, require_map, require_types
from ._fingerprint import checked, digits
from ._paths import MODES, Path, all_paths, given_paths, own_paths
from ._products import Products, unflatten


class Bilinear(Module):
    """Equivariant bilinear maps: z = B(x, y), fields of one type times fields of another, with weights.

    `nn.Linear` for two inputs: fields x_u of `first`, y_v of `second` and z_w of the output are joined by equivariant
    maps, of irreps by Clebsch-Gordan coefficients C, with weights, in one of three modes::

        "uvw"    z_w = sum_uv weight[u, v, w] C(x_u, y_v)    every product into every field: fully connected
        "uvu"    z_u = sum_v weight[u, v] C(x_u, y_v)        a field of the output for each of `first`
        "uuu"    z_u = weight[u] C(x_u, y_u)                 field by field

    The usual ones in one line each: all equivariant bilinear maps to a type; and the product of features with
    harmonics of the edges of a graph, whose weights a network of the distances gives for each edge::

        nn.Bilinear(first, second, out_type)
        nn.Bilinear(first, second, paths="uvu", max_frequency=2, own_weights=False)

    Features are taken to the basis of their irreps, where maps are small: any representations will do. The maps of a
    path are all that there are, of irreps of complex type two, each with weights of its own.

    Normalisation: where all components of x and y and the weights are independent and standard normal, each component
    of the output has second moment 1, or less where several paths with fewer products share a kind. Weights of its own
    are drawn so; the factor is in the maps, as it must be for given ones.

    `steer.export` writes a layer with weights of its own, which then takes x and y joined, ``torch.cat([x, y], 1)``.
    One whose weights are given is refused.

    Args:
        first: type of x.
        second: type of y.
        out_type: type of the output. None with "uvu" or "uuu": each product has fields of its own, irreps in the order
            of `G.irreps`, and within one in that of the kinds of `first` and then of `second`.
        paths: "uvw", every kind of field by every other into every one; "uvu" or "uuu", the same with an output of its
            own; or a list of paths: tuples (first, second, out), (first, second, out, mode) or (first, second, out,
            mode, weighted). The three say which fields: a representation, all fields of that kind; or the number of a
            field, a slice or a range of them. `mode` is one of the above, "uvw" if left out; `weighted` is whether the
            path has weights, 1 if not, which "uvw" always has.
        max_frequency: the highest frequency of an output of its own; None for everything in the products.
        own_weights: whether the weights are parameters; if not, each call is given `weight=`.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        first: type of x.
        second: type of y.
        in_type: both, x first.
        weight: (num_weights,), or None: path by path in their order, irrep by irrep of the output, then of first, then
            of second, and map by map, each [u, v, w] as its mode says. "uvw" for all is one path of all copies of each
            irrep, in the order in which irreps come up in the types.
        num_weights: their number.

    Shape:
        (batch, first.size + second.size, ...) -> (batch, out_type.size, ...); or two tensors, x and y. With
        ``weight=``: (num_weights,), or (batch, num_weights, ...). Axes of space where y or the weights have one
        position, or which they lack, are shared by all positions.

    Raises:
        FieldTypeError: no FieldTypes, types of several groups, paths that do not fit the types, no product is left.
        RepresentationError: `max_frequency` is no integer >= 0.
        ShapeError: at run time, tensors of other shapes or dtypes, weights that are missing or not to be given.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("SO(3)", dim=3)
        >>> fields = nn.FieldType(G, 16 * [G.irrep("0")] + 16 * [G.irrep("1")])
        >>> edges = nn.FieldType(G, [G.irrep("0"), G.irrep("1")])
        >>> product = nn.Bilinear(fields, edges, paths="uvu", max_frequency=1, own_weights=False)
        >>> print(product.out_type)
        32 0 + 48 1 of SO(3) (176 channels)
        >>> x, y = torch.randn(100, fields.size), torch.randn(100, edges.size)
        >>> product(x, y, weight=torch.randn(100, product.num_weights)).shape
        torch.Size([100, 176])
    """

    weight: torch.nn.Parameter | None
    fingerprint: torch.Tensor

    def __init__(
        self,
        first: FieldType,
        second: FieldType,
        out_type: FieldType | None = None,
        paths: str | Iterable[tuple[Any, ...]] = "uvw",
        *,
        max_frequency: int | None = None,
        own_weights: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        _require(type(self).__name__, first, second, out_type, max_frequency)
        require_place(device, dtype)
        own_weights = require_flag("own_weights", own_weights, SteerError)
        found, out_type = _resolved(first, second, out_type, paths, max_frequency)
        super().__init__(first + second, out_type)
        self.first, self.second, self.own_weights = first, second, own_weights
        self.products = Products(found, first, second, out_type)
        self.num_weights = sum(self.products.weights)
        self._basis = fingerprint((first, second, out_type, [path[:-1] for path in found]))
        weight = torch.nn.Parameter(torch.empty(self.num_weights, device=device, dtype=dtype)) if own_weights else None
        self.register_parameter("weight", weight)
        self.register_buffer("fingerprint", digits(self._basis))
        if weight is not None:
            self.to(weight)  # the constants too
        self._settle()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights, standard normal."""
        if self.own_weights and self.num_weights and self.weight is not None and not self.weight.is_meta:
            require_own(self, "weight")
            with torch.no_grad():
                self.weight.normal_()

    @overload
    def forward(
        self, x: torch.Tensor, y: torch.Tensor | None = None, *, weight: torch.Tensor | None = None
    ) -> torch.Tensor: ...
    @overload
    def forward(
        self, x: FieldTensor, y: FieldTensor | None = None, *, weight: torch.Tensor | None = None
    ) -> FieldTensor: ...
    def forward(
        self,
        x: torch.Tensor | FieldTensor,
        y: torch.Tensor | FieldTensor | None = None,
        *,
        weight: torch.Tensor | None = None,
    ) -> torch.Tensor | FieldTensor:
        """Apply the layer.

        Args:
            x: (batch, first.size, ...), a tensor or a `FieldTensor` of `first`; or x and y joined, of `in_type`.
            y: (batch, second.size, ...), as x; None if x is both. Of axes of space those at the end may be left out,
                and each may have length 1.
            weight: (num_weights,), or (batch, num_weights, ...) with weights for each sample and position, where the
                layer has none of its own. Axes of space may be left out as those of y.

        Returns:
            (batch, out_type.size, ...), a tensor or a `FieldTensor` of `out_type`, as x.

        Raises:
            FieldTypeError: a FieldTensor of another type, or one beside a plain tensor.
            ShapeError: a tensor of another shape or dtype; weights that are missing or not to be given.
        """
        if isinstance(x, FieldTensor):
            if y is None:
                self._require_field(x)
                return FieldTensor(self.forward(x.tensor, weight=weight), self.out_type)
            if not isinstance(y, FieldTensor) or (x.type, y.type) != (self.first, self.second):
                got = y.type if isinstance(y, FieldTensor) else type(y).__name__
                raise FieldTypeError(
                    f"x, y: Bilinear expects fields of types {self.first} and {self.second}, got {x.type} and {got}"
                )
            return FieldTensor(self.forward(x.tensor, y.tensor, weight=weight), self.out_type)
        if isinstance(y, FieldTensor):
            raise FieldTypeError("y: Bilinear expects two tensors or two FieldTensors; pass y.tensor, or x as a field")
        if y is None:
            self._check(x)
        else:
            self.first.check(x)
            self.second.check(y)
            self._check_dtype(x)
            _require_device("y", y, x)
            spread = _spread(y, x, self.second.size)
            if spread is None or y.dtype != x.dtype:
                raise ShapeError(
                    f"y: expected (batch, {self.second.size}, ...) of the shape of x but for the channels, and of its "
                    f"dtype, got {tuple(y.shape)} of {y.dtype} beside {tuple(x.shape)} of {x.dtype}"
                )
            y = spread
        weight = self._checked_weight(x, weight)
        self._follow(x)
        return self._multiplied(x, y, weight)

    def _keywords(self) -> frozenset[str]:
        return frozenset() if self.own_weights else frozenset({"weight"})

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_dtype(x)

    def _check_dtype(self, x: torch.Tensor) -> None:
        if self.own_weights and "weight" in self._parameters:
            assert self.weight is not None, "a layer with weights of its own has them"
            if x.dtype != self.weight.dtype and not torch.is_autocast_enabled(x.device.type):
                raise ShapeError(
                    f"x: {type(self).__name__} has weights of {self.weight.dtype}, got a tensor of {x.dtype}; "
                    f"convert one of them with .to(dtype), or run under torch.autocast"
                )

    def _checked_weight(self, x: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor | None:
        if self.own_weights:
            if weight is not None:
                raise ShapeError("weight: this Bilinear has weights of its own; build it with own_weights=False")
            return None
        if weight is None:
            if x.is_meta or not self.num_weights:  # only shapes are asked for
                return None
            raise ShapeError(
                f"weight: this Bilinear has none of its own; pass weight= ({self.num_weights},) or (batch, "
                f"{self.num_weights}, ...)"
            )
        require_tensor("weight", weight)
        alone = weight.dim() == 1 and len(weight) == self.num_weights
        spread = weight if alone else _spread(weight, x, self.num_weights)
        if spread is None:
            each = (x.shape[0], self.num_weights, *x.shape[2:])
            raise ShapeError(f"weight: expected shape ({self.num_weights},) or {each}, got {tuple(weight.shape)}")
        if weight.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
            raise ShapeError(f"weight: expected the dtype of x, {x.dtype}, got {weight.dtype}")
        _require_device("weight", weight, x)
        return spread

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return self._multiplied(x, None, None)

    def _export(self) -> torch.nn.Module:
        if self.num_weights and not self.own_weights:
            raise SteerError(
                "model: a Bilinear whose weights are given at each call, own_weights=False, has no plain form; export "
                "the parts before and after it, or build it with weights of its own"
            )
        return super()._export()

    def _multiplied(self, x: torch.Tensor, y: torch.Tensor | None, weight: torch.Tensor | None) -> torch.Tensor:
        given = x.movedim(1, -1)
        rows = given.flatten(0, -2)
        if y is None:
            parts = torch.split(rows, [self.first.size, self.second.size], 1)
            left, right = parts[0], parts[1]
        else:
            left, right = rows, y.movedim(1, -1).flatten(0, -2)
        own = weight is None
        if weight is None:
            weight = self.weight if self.weight is not None else rows.new_ones((self.num_weights,))
        shared = own or weight.dim() == 1
        factors = weight if shared else weight.movedim(1, -1).flatten(0, -2)
        if isinstance(x, torch.Tensor):
            dtype = x.dtype  # autocast leaves double precision alone, as in torch
            lowers = torch.amp.is_autocast_available(x.device.type) and torch.is_autocast_enabled(x.device.type)
            if lowers and dtype != torch.float64:
                dtype = torch.get_autocast_dtype(x.device.type)
            with exact(x.device):
                out = self.products(left.to(dtype), right.to(dtype), factors.to(dtype), shared)
        else:
            out = self.products(left, right, factors, shared)  # type: ignore[unreachable]
        return computed(unflatten(out, 0, given.shape[:-1]).movedim(-1, 1))

    def _settle(self) -> None:
        self.fingerprint = digits(self._basis).to(self.fingerprint.device)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Bilinear":
        super()._apply(fn, recurse)
        self._settle()
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        state_dict = checked(self, state_dict, prefix, self._basis, str(self.in_type))
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._settle()

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        own = "" if self.own_weights else ", own_weights=False"
        return f"{super().extra_repr()}, second={self.second}, num_weights={self.num_weights}{own}"


def _require_device(name: str, given: torch.Tensor, x: torch.Tensor) -> None:
    """A tensor on another device than x has no numbers there; one without any would give what is in the memory."""
    if given.device != x.device and not x.is_meta:
        raise ShapeError(f"{name}: expected a tensor on the device of x, {x.device}, got one on {given.device}")


def _spread(value: torch.Tensor, x: torch.Tensor, size: int) -> torch.Tensor | None:
    """(batch, size, ...) at all positions of x, from a value that may lack axes of space; None if it does not fit."""
    shape = (x.shape[0], size, *x.shape[2:])
    if not 2 <= value.dim() <= len(shape) or tuple(value.shape[:2]) != shape[:2]:
        return None
    # shapes of one length are compared: torch.export leaves a batch free that is compared with nothing else
    if value.dim() == len(shape) and tuple(value.shape) == shape:
        return value
    value = value.reshape(*value.shape, *(len(shape) - value.dim()) * [1])
    fits = all(one in (1, whole) for one, whole in zip(value.shape[2:], shape[2:], strict=True))
    return value.expand(shape) if fits else None


def _require(
    name: str, first: FieldType, second: FieldType, out_type: FieldType | None, max_frequency: int | None
) -> None:
    require_types(name, first=first, second=second)
    if first.group != second.group:
        raise FieldTypeError(f"second: {name} needs two types of one group, got {first.group!r} and {second.group!r}")
    if max_frequency is not None:
        require_count("max_frequency", max_frequency, RepresentationError)
    if out_type is not None:
        require_types(name, out_type=out_type)
        require_map(name, first, out_type)
        if max_frequency is not None:
            raise FieldTypeError("max_frequency: it bounds an output of its own; leave it out where out_type is given")


def _resolved(
    first: FieldType, second: FieldType, out_type: FieldType | None, paths: Any, max_frequency: int | None
) -> tuple[list[Path], FieldType]:
    """The paths, and the type that they lead to."""
    if not isinstance(paths, str):
        if out_type is None:
            raise FieldTypeError("out_type: a list of paths leads to fields of a type; pass it")
        return given_paths(first, second, out_type, paths), out_type
    if not is_one_of(paths, MODES):
        raise FieldTypeError(f"paths: expected {', '.join(map(repr, MODES))} or a list of paths, got {paths!r}")
    if (paths == "uvw") == (out_type is None):
        raise FieldTypeError(
            f'out_type: "uvw" leads to fields of a type, and needs it; "uvu" and "uuu" make their own, and take none; '
            f"got {paths!r} and {out_type}"
        )
    if out_type is None:
        found, irreps = own_paths(first, second, paths, max_frequency)
        return found, FieldType(first.group, irreps)
    found = all_paths(first, second, out_type)
    if not found:
        raise FieldTypeError(f"out_type: no equivariant map leads from {first} times {second} to {out_type}")
    return found, out_type
