"""The gated nonlinearity: every field times a function of a scalar of its own."""

from collections.abc import Callable
from typing import Final

import numpy as np
import torch

from .._engine._layout import Arrangement, blocks, channels_of, computed, split
from .._engine._module import Module
from .._fields._types import FieldType, require_types
from ._elementwise import elementwise, named_function

FUNCTIONS: Final[dict[str, type[torch.nn.Module]]] = {
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
    "softplus": torch.nn.Softplus,
}


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
    pseudoscalars, are gated: h(-s) is not -h(s). Without any field to gate the layer is h on all channels.

    With `per_coset` a field W.induce(G) has one gate for each coset, which multiplies the fibre W there: its gates are
    a field G.quotient(H), with H the group of W, in place of the trivial one.

    h is SiLU unless `scalars` says otherwise. As silu(s) = sigmoid(s) s, it treats a scalar as a field that is its own
    gate; and it is smooth, so it aliases less than a ReLU on the grid.

    Args:
        fields: type of the output, in any order; fields of one kind cost least side by side.
        function: f, "sigmoid", "tanh", "relu" or "softplus", or an elementwise module or function, e.g.
            ``torch.nn.Hardsigmoid()``; it is tried when the layer is built, as by `Pointwise`.
        scalars: h, an elementwise module or function, e.g. ``torch.nn.ELU()``; ``torch.nn.SiLU()`` when None.
        per_coset: whether induced fields (`steer.reps.Induced`) are gated coset by coset; others are not changed.

    Shape:
        (batch, in_type.size, ...) -> (batch, fields.size, ...).

    Raises:
        FieldTypeError: `fields` is no FieldType.
        SteerError: unknown function, or one that is not elementwise; one that works in place, on the layer's input.
    """

    channels: torch.Tensor
    position: torch.Tensor

    def __init__(
        self,
        fields: FieldType,
        function: str | torch.nn.Module | Callable[[torch.Tensor], torch.Tensor] = "sigmoid",
        scalars: torch.nn.Module | Callable[[torch.Tensor], torch.Tensor] | None = None,
        per_coset: bool = False,
    ) -> None:
        require_types(type(self).__name__, fields=fields)
        trivial = {rep: rep.size == 1 and rep.contains_trivial for rep in fields.kinds}
        norms, sizes = blocks(fields, per_coset)
        gates = [norm for rep, norm in zip(fields, norms, strict=True) if not trivial[rep]]
        super().__init__(FieldType(fields.group, [*fields, *gates]), fields)
        self.function = named_function(function, FUNCTIONS)
        self.scalars = elementwise("scalars", torch.nn.SiLU() if scalars is None else scalars, "torch.nn.ELU()")
        self.per_coset = per_coset
        kinds = [0 if trivial[rep] else size for rep, size in zip(fields, sizes, strict=True)]
        self._arrange(np.repeat(kinds, [norm.size for norm in norms]).tolist())

    def _arrange(self, kinds: list[int]) -> None:
        """Choose how the blocks that have a gate each are walked, from their kinds: 0 for a scalar, else the size."""
        self.runs, self.repeats, self.gathered = Arrangement.of(kinds)
        self.widths = [count * max(kind, 1) for count, kind in self.runs]
        self.gates = [count if kind else 0 for count, kind in self.runs]
        if self.gathered:
            order = np.argsort(kinds, kind="stable")
            channels = channels_of([max(kind, 1) for kind in kinds], order)
            gate_of_block = len(channels) + np.cumsum(np.array(kinds) > 0) - 1
            chosen = [gate_of_block[block] for block in order if kinds[block]]
            self.add_constant("channels", np.concatenate([channels, np.array(chosen, dtype=np.int64)]))
            self.add_constant("position", np.argsort(channels))

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor
        if not any(self.gates):
            out = self.scalars(x)
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
        factors = torch.split(self.function(logits), self.gates, axis)
        done = [
            _scale(parts[index], factors[index], count, kind, axis) if kind else self.scalars(parts[index])
            for index, (count, kind) in enumerate(self.runs)
        ]
        out = done[0] if len(done) == 1 else torch.cat(done, axis)
        if self.repeats > 1:
            out = computed(out.flatten(1, 2))
        return out.index_select(1, self.constant("position", out)) if self.gathered else out

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        coset = ", per_coset=True" if self.per_coset else ""
        return f"{super().extra_repr()}, function={self.function!r}, scalars={self.scalars!r}{coset}"


def _scale(x: torch.Tensor, factor: torch.Tensor, count: int, size: int, axis: int) -> torch.Tensor:
    """Fields of one size, count * size channels on `axis` of x, each times its own of the `count` factors."""
    return computed((split(x, count, size, axis) * factor.unsqueeze(axis + 1)).flatten(axis, axis + 1))
