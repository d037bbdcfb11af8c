"""The gated nonlinearity: every field times a function of a scalar of its own."""

from collections.abc import Callable
from itertools import compress
from typing import Any, Final, overload

import numpy as np
import torch

from ...errors import FieldTypeError, ShapeError, SteerError
from ...reps import DirectSum, Induced, Irrep, Representation
from .._engine._layout import Arrangement, blocks, channels_of, computed, split
from .._engine._module import Module
from .._fields._tensor import is_stand_in, require_tensor
from .._fields._types import FieldTensor, FieldType, require_types
from ._elementwise import elementwise, named_function
from ._parity import EVEN, ODD, parity

FUNCTIONS: Final[dict[str, type[torch.nn.Module]]] = {
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
    "softplus": torch.nn.Softplus,
}

SCALAR: Final = 0
SIGNED: Final = -1
"""Kinds of blocks without a gate: scalars, and pseudoscalars with a function of their own."""


class Gate(Module):
    """The gated nonlinearity: x -> f(gate) x for each field, with a scalar gate of its own; s -> h(s) for scalars.

    For any representation. The layer before computes the gates as fields of their own, and they end here (Weiler et al.
    2018, 3D Steerable CNNs). `in_type` is `fields`, and after them one trivial field for each of them that is no
    scalar, in the same order::

        hidden = nn.FieldType(G, 8 * [G.irrep("0")] + 8 * [G.irrep("1")] + 8 * [G.irrep("2")])
        gate = nn.Gate(hidden)
        net = nn.Sequential(nn.Conv3d(image, gate.in_type, 5, padding=2),
                            nn.BatchNorm(gate.in_type),
                            gate)  # image -> hidden

    A scalar is a field of one component on which the group acts trivially. Other fields of one component, such as
    pseudoscalars, are gated, since h(-s) is not -h(s); or an odd function of their own acts on them, `pseudoscalars`,
    and they have no gate. Without any field to gate the layer is h on all channels.

    With `per_coset` a field W.induce(G) has one gate for each coset, which multiplies the fibre W there: its gates are
    a field G.quotient(H), with H the group of W, in place of the trivial one.

    With `gates` the gates may change sign, as pseudoscalars do. If f is odd, f(gate) changes sign with them, and so the
    field that it multiplies has the other parity in `in_type`: an axial vector times a pseudoscalar is a vector. If f
    is even, f(gate) is a scalar.

    The gates may come as a second input, ``gate(x, gates)``, from another part of the network: x is then of
    `field_type`, gates of `gate_type`, which together are `in_type`. Axes of space where gates have one position, or
    which they lack, are shared by all positions: gates from the mean of a map, say. What calls it so is exported after
    the two are joined, ``gate(torch.cat([x, gates], 1))``.

    h is SiLU unless `scalars` says otherwise. As silu(s) = sigmoid(s) s, it treats a scalar as a field that is its own
    gate; and it is smooth, so it aliases less than a ReLU on the grid.

    Args:
        fields: type of the output, in any order; fields of one kind cost least side by side.
        function: f, "sigmoid", "tanh", "relu" or "softplus", or an elementwise module or function, e.g.
            ``torch.nn.Hardsigmoid()``; it is tried when the layer is built, as by `Pointwise`.
        scalars: h, an elementwise module or function, e.g. ``torch.nn.ELU()``; ``torch.nn.SiLU()`` when None.
        per_coset: whether induced fields (`steer.reps.Induced`) are gated coset by coset; others are not changed.
        pseudoscalars: an odd elementwise module or function, e.g. ``torch.nn.Tanh()``, for the fields of one component
            on which the group acts by a sign; when None, these are gated as all others are.
        gates: type of the gates, one for each field that has a gate, in the same order: of one component; with
            `per_coset` of induced fields, G.quotient(H) or what an irrep of one component of H induces. Trivial ones,
            or quotients, when None.

    Attributes:
        field_type: the fields of `in_type` without the gates.
        gate_type: the gates; None if there are none.

    Shape:
        (batch, in_type.size, ...) -> (batch, fields.size, ...).

    Raises:
        FieldTypeError: `fields` is no FieldType; `gates` is none of as many fields as are gated, or not of such fields.
        SteerError: unknown function, or one that is not elementwise; one that works in place, on the layer's input;
            `pseudoscalars` that is not odd; gates that change sign of a function that is neither odd nor even.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> O3 = steer.group("O(3)", dim=3)
        >>> fields = nn.FieldType(O3, [O3.irrep("0e"), O3.irrep("0o"), O3.irrep("1o")])
        >>> print(nn.Gate(fields).in_type)
        3 0e + 0o + 1o of O(3) (7 channels)
        >>> print(nn.Gate(fields, pseudoscalars=torch.nn.Tanh()).in_type)
        2 0e + 0o + 1o of O(3) (6 channels)
        >>> gates = nn.FieldType(O3, 2 * [O3.irrep("0o")])
        >>> layer = nn.Gate(fields, "tanh", gates=gates)
        >>> print(layer.field_type)  # tanh(pseudoscalar) times these gives 0o and 1o
        2 0e + 1e of O(3) (5 channels)
        >>> layer(torch.randn(1, 5), torch.randn(1, 2)).shape
        torch.Size([1, 5])
    """

    channels: torch.Tensor
    position: torch.Tensor

    def __init__(
        self,
        fields: FieldType,
        function: str | torch.nn.Module | Callable[[torch.Tensor], torch.Tensor] = "sigmoid",
        scalars: torch.nn.Module | Callable[[torch.Tensor], torch.Tensor] | None = None,
        per_coset: bool = False,
        *,
        pseudoscalars: torch.nn.Module | Callable[[torch.Tensor], torch.Tensor] | None = None,
        gates: FieldType | None = None,
    ) -> None:
        require_types(type(self).__name__, fields=fields)
        norms, sizes = blocks(fields, per_coset)
        acted = {rep: _acted(rep, pseudoscalars is not None) for rep in fields.kinds}
        gated = [acted[rep] is None for rep in fields]
        wanted = list(compress(norms, gated))
        found = wanted if gates is None else _require_gates(gates, fields, wanted, per_coset)
        factor = named_function(function, FUNCTIONS)
        factors = iter(found if _sign(found, wanted, factor) == ODD else wanted)
        inputs = [_times(next(factors), rep) if has_gate else rep for rep, has_gate in zip(fields, gated, strict=True)]
        super().__init__(FieldType(fields.group, [*inputs, *found]), fields)
        self.field_type = FieldType(fields.group, inputs)
        self.gate_type = FieldType(fields.group, found) if found else None
        self.function = factor
        self.scalars = elementwise("scalars", torch.nn.SiLU() if scalars is None else scalars, "torch.nn.ELU()")
        self.pseudoscalars = None if pseudoscalars is None else _odd(pseudoscalars)
        self.per_coset = per_coset
        acts = [acted[rep] for rep in fields]
        kinds = [size if act is None else act for act, size in zip(acts, sizes, strict=True)]
        self._arrange(np.repeat(kinds, [norm.size for norm in norms]).tolist())

    def _arrange(self, kinds: list[int]) -> None:
        """Choose how the blocks are walked, from their kinds: the size of one with a gate, else SCALAR or SIGNED."""
        self.runs, self.repeats, self.gathered = Arrangement.of(kinds)
        self.widths = [count * max(kind, 1) for count, kind in self.runs]
        self.gates = [count if kind > 0 else 0 for count, kind in self.runs]
        if self.gathered:
            order = np.argsort(kinds, kind="stable")
            channels = channels_of([max(kind, 1) for kind in kinds], order)
            gate_of_block = len(channels) + np.cumsum(np.array(kinds) > 0) - 1
            chosen = [gate_of_block[block] for block in order if kinds[block] > 0]
            self.add_constant("channels", np.concatenate([channels, np.array(chosen, dtype=np.int64)]))
            self.add_constant("position", np.argsort(channels))

    @overload
    def forward(self, x: torch.Tensor, gates: torch.Tensor | None = None) -> torch.Tensor: ...
    @overload
    def forward(self, x: FieldTensor, gates: FieldTensor | torch.Tensor | None = None) -> FieldTensor: ...
    def forward(
        self, x: torch.Tensor | FieldTensor, gates: torch.Tensor | FieldTensor | None = None
    ) -> torch.Tensor | FieldTensor:
        """Apply the layer.

        Args:
            x: (batch, in_type.size, ...), a tensor or a `FieldTensor` of `in_type`; with `gates` (batch,
                field_type.size, ...), of `field_type`.
            gates: (batch, gate_type.size, ...), a tensor or a `FieldTensor` of `gate_type`. Of axes of space those at
                the end may be left out, and each may have length 1.

        Returns:
            (batch, out_type.size, ...), a tensor or a `FieldTensor` of `out_type`, as x.

        Raises:
            FieldTypeError: a FieldTensor of another type, or gates for a layer that has none.
            ShapeError: a tensor of another number of channels or axes, or gates that do not fit x.
        """
        return super().forward(x if gates is None else self._joined(x, gates))

    def _joined(self, x: Any, gates: Any) -> Any:
        """The one input that two are."""
        if self.gate_type is None:
            raise FieldTypeError(f"gates: the fields {self.field_type} have no gates; leave them out")
        for name, given, kind in (("x", x, self.field_type), ("gates", gates, self.gate_type)):
            if isinstance(given, FieldTensor) and given.type != kind:
                raise FieldTypeError(f"{name}: Gate with gates expects fields of type {kind}, got {given.type}")
        fields, given = (value.tensor if isinstance(value, FieldTensor) else value for value in (x, gates))
        if is_stand_in(fields):  # its shape is not known
            both = torch.cat([fields, given + torch.zeros_like(fields[:, :1])], 1)
            return FieldTensor(both, self.in_type) if isinstance(x, FieldTensor) else both
        self.field_type.check(fields)
        require_tensor("gates", given)
        spread = given.reshape(*given.shape, *(fields.dim() - given.dim()) * [1])
        expected = (fields.shape[0], self.gate_type.size, *fields.shape[2:])
        fits = spread.dim() == fields.dim() and spread.shape[:2] == expected[:2]
        if not fits or any(size not in (1, whole) for size, whole in zip(spread.shape[2:], expected[2:], strict=True)):
            raise ShapeError(
                f"gates: expected shape {expected} for x of shape {tuple(fields.shape)}, got {tuple(given.shape)}"
            )
        both = torch.cat([fields, spread.expand(expected)], 1)
        return FieldTensor(both, self.in_type) if isinstance(x, FieldTensor) else both

    def _given(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> list[tuple[Any, FieldType]]:
        gates = args[1] if len(args) > 1 else keywords.get("gates")
        if gates is None or self.gate_type is None:
            return super()._given(args, keywords)
        return [(args[0], self.field_type), (gates, self.gate_type)]

    def _as_one(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        gates = args[1] if len(args) > 1 else keywords.get("gates")
        return (args, keywords) if gates is None else ((self._joined(args[0], gates),), {})

    def _keywords(self) -> frozenset[str]:
        return frozenset()  # gates are those of one layer, not of all in a chain

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor
        if len(self.runs) == 1 and self.runs[0][1] <= 0:
            out = self._alone(self.runs[0][1], x)
            return out
        if self.gathered:
            x = x.index_select(1, self.constant("channels", x))
        width, gates = sum(self.widths), sum(self.gates)
        if self.repeats == 1:
            # one split where one will do: each is a copy of all channels in the backward pass
            axis, parts = 1, torch.split(x, [*self.widths, gates], 1)
            logits = parts[len(self.runs)]
        else:
            halves = torch.split(x, [self.repeats * width, self.repeats * gates], 1)
            axis, parts = 2, torch.split(split(halves[0], self.repeats, width), self.widths, 2)
            logits = split(halves[1], self.repeats, gates)
        factors = torch.split(self.function(logits) if gates else logits, self.gates, axis)
        done = [
            _scale(parts[index], factors[index], count, kind, axis) if kind > 0 else self._alone(kind, parts[index])
            for index, (count, kind) in enumerate(self.runs)
        ]
        out = done[0] if len(done) == 1 else torch.cat(done, axis)
        if self.repeats > 1:
            out = computed(out.flatten(1, 2))
        return out.index_select(1, self.constant("position", out)) if self.gathered else out

    def _alone(self, kind: int, x: torch.Tensor) -> torch.Tensor:
        """Fields that have no gate."""
        act = self.scalars if kind == SCALAR or self.pseudoscalars is None else self.pseudoscalars
        out: torch.Tensor = act(x)
        return out

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        signs = "" if self.pseudoscalars is None else f", pseudoscalars={self.pseudoscalars!r}"
        coset = ", per_coset=True" if self.per_coset else ""
        return f"{super().extra_repr()}, function={self.function!r}, scalars={self.scalars!r}{signs}{coset}"


def _scale(x: torch.Tensor, factor: torch.Tensor, count: int, size: int, axis: int) -> torch.Tensor:
    """Fields of one size, count * size channels on `axis` of x, each times its own of the `count` factors."""
    return computed((split(x, count, size, axis) * factor.unsqueeze(axis + 1)).flatten(axis, axis + 1))


def _acted(rep: Representation, with_signs: bool) -> int | None:
    """The kind of a field that a function acts on, None for one that has a gate."""
    if rep.size > 1:
        return None
    return SCALAR if rep.contains_trivial else SIGNED if with_signs else None


def _odd(function: object) -> torch.nn.Module:
    found = elementwise("pseudoscalars", function, "torch.nn.Tanh()")
    if parity(found, 1) != ODD:
        raise SteerError(
            f"pseudoscalars: expected an odd function, f(-x) = -f(x), such as torch.nn.Tanh(), got {found!r}; "
            f"nn.Pointwise makes scalars of pseudoscalars by one that is even"
        )
    return found


def _require_gates(
    gates: FieldType, fields: FieldType, wanted: list[Representation], per_coset: bool
) -> list[Representation]:
    """The gates as a list, each with as many components as its field has blocks."""
    require_types("Gate", gates=gates)
    if gates.group != fields.group:
        raise FieldTypeError(f"gates: Gate needs types of one group, got {gates.group!r} beside {fields.group!r}")
    if len(gates) != len(wanted):
        raise FieldTypeError(
            f"gates: expected one field for each of the {len(wanted)} fields that have a gate, got {len(gates)} "
            f"({gates})"
        )
    for index, (gate, block) in enumerate(zip(gates, wanted, strict=True)):
        like = isinstance(gate, Induced) and gate.base.size == 1 and gate.subgroup == getattr(block, "subgroup", None)
        if gate != block and not like and not gate.size == block.size == 1:
            rest = f" or what an irrep of one component induces as {block.name} is" if per_coset else ""
            raise FieldTypeError(
                f"gates: expected {block!r}, or fields of one component{rest}; field {index} is {gate!r}"
            )
    return list(gates)


def _sign(gates: list[Representation], plain: list[Representation], function: torch.nn.Module) -> int:
    """Whether f(gate) changes sign with the gates, ODD, or never does, EVEN."""
    if all(gate.is_permutation for gate in gates):
        return EVEN
    found = parity(function, sum(gate.size for gate in plain))
    if not found:
        raise SteerError(
            f"function: of gates that change sign an odd function, such as 'tanh', or an even one, such as torch.abs, "
            f"is needed, got {function!r}"
        )
    return found


def _times(sign: Representation, rep: Representation) -> Representation:
    """The field that gives `rep` when it is multiplied by the components of `sign`, one for each of its blocks."""
    if sign.is_permutation:
        return rep
    if sign.size > 1:
        assert isinstance(sign, Induced), "only gates for each coset have more than one component"
        assert isinstance(rep, Induced), "they are those of induced fields"
        return _times(sign.base, rep.base).induce(rep.group)
    if isinstance(rep, DirectSum):
        first, *others = (_times(sign, part) for part in rep.summands)
        return sum(others, start=first)
    group = rep.group
    elements = np.concatenate([group.generators, group.identity_component])
    if isinstance(rep, Irrep):
        moved = sign(elements) * rep(elements)
        for psi in group.irreps(None if group.is_finite else rep.frequency):
            if psi.size == rep.size and np.abs(psi(elements) - moved).max(initial=0.0) < 1e-9:
                return psi
    return sign.tensor(rep)
