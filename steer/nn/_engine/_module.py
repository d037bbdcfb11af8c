"""The base of every layer: typed at construction, plain tensors at run time."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, overload

import torch

from ..._spacing import Spacing
from ...errors import FieldTypeError, ShapeError, SteerError
from ...reps import Representation
from .._fields._reentrant import require_gradients
from .._fields._types import FieldTensor, FieldType, require_types
from ._constants import Constants
from ._grid import check_size, require_size
from ._output_shape import output_shape
from ._sampling import AxisSampling


class Module(Constants):
    """A layer from fields of `in_type` to fields of `out_type`, the base of all of them and of your own.

    Give it a plain tensor (batch, in_type.size, ...) and it returns a plain tensor; give it a `FieldTensor` and its
    type is checked and a `FieldTensor` of `out_type` returned.

    A layer of your own says its types and, in `_compute`, what it does with a plain tensor of `in_type.size` channels::

        class Halve(nn.Module):
            def __init__(self, in_type):
                super().__init__(in_type, in_type)

            def _compute(self, x):
                return x / 2

    `forward` is inherited. Two more methods may be overridden:

    - `_check(x)` raises a `ShapeError` for tensors that do not fit; the inherited one, to be called first, asks for the
      channels of `in_type`.
    - `_export()` returns the same function as a module of plain torch, for `steer.export`. The inherited one traces
      `_compute` by `torch.fx`, for which it may contain other modules but no branches or loops on the values or the
      shape of x, and no `KernelPlan`: a layer with a plan returns a torch module with the expanded filter.

    Nothing here makes a layer equivariant: `steer.testing.assert_equivariant` tells whether it is. NumPy arrays that
    follow from the arguments are kept by `add_constant`, and read by `constant(name, x)` in the dtype and on the device
    of x, exact in any.

    Args:
        in_type: type of the input.
        out_type: type of the output.

    Attributes:
        in_type: type of the input.
        out_type: type of the output.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...).

    Raises:
        FieldTypeError: a type that is none; at run time, a FieldTensor of another type.
        ShapeError: at run time, a plain tensor of another number of channels or axes.
    """

    sampling: tuple[AxisSampling, ...] = ()
    """How a layer that samples space reads each of its axes ([z,] y, x), from which its `_check_space` goes by."""

    spacing: Spacing = None
    """Distances of neighbouring samples ([z,] y, x) of a layer that samples space, the smallest 1; None if equal."""

    _least: tuple[int, ...] = ()
    """The smallest size of space that it can read."""

    _strides: bool = False
    """Whether there are sizes for which it loses a symmetry."""

    _met: frozenset[tuple[int, ...]] = frozenset()
    """The sizes of space that it has met in training, each of which it warns of at most once."""

    def __init__(self, in_type: FieldType, out_type: FieldType) -> None:
        """Arguments are those of the class."""
        super().__init__()
        # the one check of types, which layers that read theirs before they come here ask for themselves
        require_types(type(self).__name__, in_type=in_type, out_type=out_type)
        self.in_type = in_type
        self.out_type = out_type

    if TYPE_CHECKING:  # what a call returns, of which torch says anything may come

        @overload
        def __call__(self, x: torch.Tensor, *args: Any, **keywords: Any) -> torch.Tensor: ...
        @overload
        def __call__(self, x: FieldTensor, *args: Any, **keywords: Any) -> FieldTensor: ...
        def __call__(self, x: Any, *args: Any, **keywords: Any) -> Any: ...

    @overload
    def forward(self, x: torch.Tensor) -> torch.Tensor: ...
    @overload
    def forward(self, x: FieldTensor) -> FieldTensor: ...
    def forward(self, x: torch.Tensor | FieldTensor) -> torch.Tensor | FieldTensor:
        """Apply the layer: check the input, compute, and give the result its type if the input had one.

        Args:
            x: (batch, in_type.size, ...), a tensor or a `FieldTensor` of `in_type`.

        Returns:
            (batch, out_type.size, ...), a tensor or a `FieldTensor` of `out_type`, as the input.

        Raises:
            FieldTypeError: a FieldTensor of another type.
            ShapeError: a tensor of another number of channels or axes.
        """
        if not isinstance(x, FieldTensor):
            self._check(x)
            self._follow(x)
            return self._compute(x)
        self._require_field(x)
        self._check(x.tensor)
        self._follow(x.tensor)
        return FieldTensor(self._compute(x.tensor), self.out_type)

    def output_shape(self, input_shape: Sequence[int]) -> torch.Size:
        """The shape that the layer returns for an input of a given shape, in evaluation mode; nothing is computed.

        Args:
            input_shape: (batch, in_type.size, *space).

        Returns:
            (batch, out_type.size, *space).

        Raises:
            ShapeError: an input of that shape does not fit.

        Example:
            >>> import steer
            >>> from steer import nn
            >>> G = steer.group("C4", dim=2)
            >>> t = nn.FieldType(G, 2 * [G.regular])
            >>> tuple(nn.Conv2d(t, t, 3, stride=2).output_shape((1, 8, 33, 33)))
            (1, 8, 16, 16)
        """
        return output_shape(self, input_shape)

    def _require_field(self, x: FieldTensor) -> None:
        """Refuse a field tensor of another type, and one whose gradient would be lost."""
        if x.type is not self.in_type and x.type != self.in_type:
            raise FieldTypeError(f"x: {type(self).__name__} expects fields of type {self.in_type}, got {x.type}")
        if not torch.is_grad_enabled() and x.requires_grad:
            require_gradients()

    def _keywords(self) -> frozenset[str]:
        """What a call takes beside x, by name: a container hands on to each module what it takes."""
        parameters = list(inspect.signature(type(self).forward).parameters.values())[2:]
        kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return frozenset(parameter.name for parameter in parameters if parameter.kind in kinds)

    def _given(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> list[tuple[Any, FieldType]]:
        """The features among what a call is given, each with the type that it must have."""
        return [(args[0], self.in_type)] if args else []

    def _as_one(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What a call is given when it is traced, with the features in one."""
        return args, keywords

    def _check(self, x: torch.Tensor) -> None:
        """Refuse a tensor that does not fit `in_type`."""
        self.in_type.check(x)

    def _check_space(self, x: torch.Tensor) -> None:
        """Refuse a tensor that is not a feature map over the group's space, or too small, and warn of what is lost."""
        self._require_space(x)
        if self.sampling:
            require_size(self, x.shape[2:])
            if self.training:
                check_size(self, x)

    def _require_space(self, x: torch.Tensor) -> None:
        """Refuse a tensor that is not a feature map (batch, channels, *space) over the group's space."""
        dim = self.in_type.group.dim
        if x.dim() != dim + 2:
            raise ShapeError(
                f"x: {type(self).__name__} expects (batch, {self.in_type.size}) and {dim} axes of space, "
                f"got {tuple(x.shape)}"
            )

    def _sample_by(self, axes: Iterable[AxisSampling]) -> None:
        """Keep how the layer reads each axis of space ([z,] y, x)."""
        self.sampling = tuple(axes)
        self._least = tuple(axis.least for axis in self.sampling)
        self._strides = any(not axis.always_keeps for axis in self.sampling)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        raise TypeError(f"{type(self).__name__} must define _compute")

    def _export(self) -> torch.nn.Module:
        """The same function as a module of plain torch, but for the steer modules inside; see `steer.export`."""
        try:
            return traced(self)
        except Exception as error:  # torch.fx raises what its tensors cannot do, of many classes
            raise SteerError(
                f"model: the _compute of {type(self).__name__} cannot be traced by torch.fx ({error}); define _export, "
                f"which returns the same function in plain torch, or write _compute without branches on x or its shape "
                f"and without kernel plans, whose own branches count"
            ) from error

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        """`_export`, and inside of it the plain forms of other modules, which `replace` returns."""
        return with_plain_parts(self._export(), replace)

    def __repr__(self) -> str:
        # one line: the torch modules inside say nothing that extra_repr does not
        return f"{type(self).__name__}({self.extra_repr()})"

    def extra_repr(self) -> str:
        """Types, for printing."""
        return str(self.in_type) if self.in_type == self.out_type else f"{self.in_type} -> {self.out_type}"


def with_plain_parts(plain: torch.nn.Module, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
    """A module whose steer modules inside are replaced, in place, by what `replace` returns for them."""
    done: list[str] = []
    for name, part in list(plain.named_modules(remove_duplicate=False)):
        if name and isinstance(part, Module) and not name.startswith(tuple(done)):  # those inside are gone with it
            done.append(f"{name}.")
            parent, _, own = name.rpartition(".")
            setattr(plain.get_submodule(parent), own, replace(part))
    return plain


def require_module(name: str, module: object) -> Module:
    """A module of this package; what has no field types is refused.

    Raises:
        FieldTypeError: says what to do with a torch module.
    """
    if not isinstance(module, Module):
        raise FieldTypeError(
            f"{name}: expected a module of steer.nn, which has field types, got {module!r}; "
            f"a torch module can act on the plain output, in a torch.nn.Sequential"
        )
    return module


def require_permutation(in_type: FieldType, layer: str, instead: str, signs: bool = False) -> None:
    """Refuse a type with a field that is not a permutation representation, or with `signs` none up to signs.

    Raises:
        FieldTypeError: names the first such field, and `instead`, what would do.
    """
    checked: dict[Representation, bool] = {}
    for index, rep in enumerate(in_type):
        if rep not in checked:
            checked[rep] = rep.is_signed_permutation if signs else rep.is_permutation
        if not checked[rep]:
            raise FieldTypeError(
                f"in_type: {layer} needs fields that the group permutes{', with or without signs' if signs else ''} "
                f"(trivial, regular, quotient{', irreps of one component' if signs else ''}), but field "
                f"{index} is {rep!r}, which is none; {instead}"
            )


def traced(module: Module) -> torch.fx.GraphModule:
    """`module._compute` as a graph of torch operations, which unpickles without this package; for `_export`.

    Other steer modules are called, not traced: `_plain` puts their own plain forms in their place.
    """

    class Tracer(torch.fx.Tracer):  # local, because graphs take tracers of global classes along when they are pickled
        def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
            return isinstance(m, Module) or super().is_leaf_module(m, module_qualified_name)

    tracer = Tracer()
    tracer.traced_func_name = "_compute"
    graph = torch.fx.GraphModule(module, tracer.trace(module), class_name=type(module).__name__)
    for part in graph.modules():  # of its own: constants are shared
        part._buffers.update({name: held.clone() for name, held in part._buffers.items() if held is not None})
    return graph
