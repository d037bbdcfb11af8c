"""Weighted products of fields in the basis of their irreps: a small matrix for each sample, and one for all of them.

The products of all copies x_u of an irrep with all y_v are T[z, k, v, u] = sum_ij C[k, i, j] x[z, u, i] y[z, v, j],
with z the samples. First y and C make the matrices that act on x, of all paths at one time; they are small as long as
y has few copies. Weights then act on u and v, the largest axes, which are last.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import torch

from ...kernels.plans._recorded import inlined
from .._engine._constants import Constants
from .._engine._kindwise import KindwiseMap
from .._engine._layout import samplewise
from .._fields._types import FieldType
from ._paths import Copies, Path

Tensors = list[torch.Tensor]

PIECES: Final = 8
"""Products of so many times `CHUNK` bytes are made at a time: forward and backward of 64 copies by harmonics up to
degree 2 take 1.4 times as long by pieces of one time."""


def unflatten(x: Any, axis: int, sizes: Sequence[int]) -> torch.Tensor:
    """One axis as several; also of a tracer's stand-in."""
    if isinstance(x, torch.Tensor):  # the method has no rule for batches of gradients
        return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])
    found: torch.Tensor = x.unflatten(axis, sizes)
    return found


def joined(x: Any, axis: int) -> torch.Tensor:
    """An axis and the next as one."""
    if isinstance(x, torch.Tensor):
        return x.reshape(*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :])
    found: torch.Tensor = x.flatten(axis, axis + 1)
    return found


class Block(NamedTuple):
    """Copies of one irrep, neighbours in the order in which products are made."""

    copies: int
    size: int


class Blocks(Constants):
    """The copies of irreps of a type that paths name, side by side: channels (rows, n) to blocks (rows, copies, size).

    Args:
        field_type: of the channels.
        names: of each block, the copies of the irrep.
    """

    index: torch.Tensor

    def __init__(self, field_type: FieldType, names: Sequence[Copies]) -> None:
        super().__init__()
        self.turn = KindwiseMap(field_type.kind_of_field, [rep.change_of_basis.T for rep in field_type.kinds])
        self.blocks, index = [], []
        for copies in names:
            starts = [
                field_type.offsets[field] + field_type[field].decomposition.starts[place] for field, place in copies
            ]
            size = field_type[copies[0][0]].irreps[copies[0][1]].size
            self.blocks.append(Block(len(copies), size))
            index += [start + k for start in starts for k in range(size)]
        self.size, self.sizes = field_type.size, [block.copies * block.size for block in self.blocks]
        self.whole = index == list(range(self.size))
        if not self.whole:
            self.add_constant("index", np.array(index))

    def taken(self, x: torch.Tensor) -> Tensors:
        """The blocks of channels."""
        x = self.turn.mapped(x)
        x = x if self.whole else x.index_select(1, self.constant("index", x))
        parts = torch.split(x, self.sizes, 1)
        return [unflatten(parts[at], 1, block) for at, block in enumerate(self.blocks)]

    def given(self, parts: Tensors) -> torch.Tensor:
        """The transpose of `taken`: channels that are the sum of blocks."""
        x = torch.cat([joined(part, 1) for part in parts], 1)
        if not self.whole:
            empty = x.new_zeros((1, self.size)).expand(x.shape[0], self.size)
            x = empty.index_add(1, self.constant("index", x), x)
        return self.turn.transposed(x)


class Step(NamedTuple):
    """A path: where its products are found, and the weights that act on them."""

    z: int
    mode: str
    size: int
    shape: tuple[int, ...]
    weights: int


class Pair(NamedTuple):
    """Steps that multiply one block of x by one of y, by one constant."""

    y: int
    constant: str
    rows: list[int]
    steps: list[int]


class Group(NamedTuple):
    """All pairs of one block of x: every copy by every copy of y, or each by its own."""

    x: int
    outer: bool
    pairs: list[Pair]


class Products(Constants):
    """The function of x, y and weights that paths say, of rows (n, channels), linear in each."""

    def __init__(self, paths: Sequence[Path], first: FieldType, second: FieldType, out: FieldType) -> None:
        super().__init__()
        names: list[dict[Copies, int]] = [{}, {}, {}]
        held: dict[tuple[int, bool], dict[int, list[tuple[int, Any]]]] = {}
        terms = np.zeros((len(out), max(len(rep.irreps) for rep in out)))
        for path in paths:
            each = {"uvw": len(path.x) * len(path.y), "uvu": len(path.y), "uuu": 1}[path.mode]
            for copy in path.z:
                terms[copy] += each
        self.steps: list[Step] = []
        for path in paths:
            keys = path.x, path.y, path.z
            x, y, z = (known.setdefault(key, len(known)) for known, key in zip(names, keys, strict=True))
            size = len(path.coefficients)
            scaled = path.coefficients * np.sqrt(size / max(terms[copy] for copy in path.z))
            held.setdefault((x, path.mode != "uuu"), {}).setdefault(y, []).append((len(self.steps), scaled))
            count = math.prod(path.shape) if path.weighted else 0
            self.steps.append(Step(z, path.mode, size, path.shape, count))
        self.first, self.second = Blocks(first, list(names[0])), Blocks(second, list(names[1]))
        self.out = Blocks(out, list(names[2]))
        self.groups = [
            Group(x, outer, [self._pair(x, y, outer, found) for y, found in pairs.items()])
            for (x, outer), pairs in held.items()
        ]
        self.weights = [step.weights for step in self.steps]
        # channels of the products, the most that is made of a sample
        self.width = sum(step.size * math.prod(step.shape[:2]) for step in self.steps)
        self.into = [[at for at, step in enumerate(self.steps) if step.z == z] for z in range(len(names[2]))]

    def _pair(self, x: int, y: int, outer: bool, found: list[tuple[int, Any]]) -> Pair:
        """Keep the coefficients as (j, (k, i)), or as ((i, j), k), k of all steps."""
        tables = [scaled for _, scaled in found]
        if outer:
            matrix = np.concatenate([table.transpose(2, 0, 1).reshape(table.shape[2], -1) for table in tables], 1)
        else:
            matrix = np.concatenate([table.reshape(len(table), -1).T for table in tables], 1)
        name = f"{'outer' if outer else 'inner'}_{x}_{y}"
        self.add_constant(name, matrix)
        return Pair(y, name, [len(table) for table in tables], [step for step, _ in found])

    def __call__(self, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, shared: bool) -> torch.Tensor:
        """(n, channels out) of rows x and y, and weights (weights,) of all or (n, weights) of each of them."""
        if inlined() or not isinstance(x, torch.Tensor) or torch._C._functorch.maybe_current_level() is not None:
            return self.plain(x, y, weight, shared)
        found: torch.Tensor = _Function.apply(x, y, weight, shared, self)  # type: ignore[no-untyped-call]
        return found

    def plain(self, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, shared: bool) -> torch.Tensor:
        """The same by plain operations."""
        forms = self._forms(self.first.taken(x), self.second.taken(y))[0]
        return self.out.given(self._mixed(forms, self._weights(weight, shared), shared))

    def slopes(
        self, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, shared: bool, slope: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """The gradients of x, y and the weights for that of the result."""
        xs, ys, weights = self.first.taken(x), self.second.taken(y), self._weights(weight, shared)
        forms, matrices = self._forms(xs, ys)
        of_forms, of_weights = self._mixed_back(forms, weights, shared, self.out.taken(slope))
        of_x, of_y = self._forms_back(xs, ys, matrices, of_forms)
        flat = [
            one.reshape(*one.shape[: 0 if shared else 1], count)
            for one, count in zip(of_weights, self.weights, strict=True)
            if count
        ]
        total = torch.cat(flat, -1) if flat else torch.zeros_like(weight)
        return self.first.given(of_x), self.second.given(of_y), total

    def nbytes(self, x: torch.Tensor) -> int:
        """How large `samplewise` is to take a sample: pieces are so large that operations count, not their number."""
        return self.width * x.element_size() // PIECES

    def _weights(self, weight: torch.Tensor, shared: bool) -> Tensors:
        """Of each step, (1 or n, *shape); ones where it has none."""
        parts = torch.split(weight, self.weights, -1)
        rows = [parts[at].unsqueeze(0) if shared else parts[at] for at in range(len(self.steps))]
        return [
            unflatten(row, 1, step.shape) if step.weights else row.new_ones((1, *step.shape))
            for row, step in zip(rows, self.steps, strict=True)
        ]

    def _forms(self, xs: Tensors, ys: Tensors) -> tuple[Tensors, list[Tensors]]:
        """Of each step the products (n, k, v, u), and of each group the matrices that make them."""
        forms: dict[int, torch.Tensor] = {}
        matrices = []
        parts: Sequence[torch.Tensor]
        for x, outer, pairs in self.groups:
            if outer:
                size = self.first.blocks[x].size
                counts = [sum(pair.rows) * self.second.blocks[pair.y].copies for pair in pairs]
                made = []
                for pair in pairs:
                    flat = torch.matmul(ys[pair.y], self.constant(pair.constant, ys[pair.y]))
                    made.append(joined(unflatten(flat, 2, (sum(pair.rows), size)).transpose(1, 2), 1))
                matrix = made[0] if len(made) == 1 else torch.cat(made, 1)
                parts = torch.split(torch.bmm(matrix, xs[x].transpose(1, 2)), counts, 1)
                matrices.append([matrix])
            else:
                made = [joined(xs[x].unsqueeze(3) * ys[pair.y].unsqueeze(2), 2) for pair in pairs]
                parts = [
                    torch.matmul(one, self.constant(pair.constant, one)).transpose(1, 2)
                    for one, pair in zip(made, pairs, strict=True)
                ]
                matrices.append(made)
            for at, pair in enumerate(pairs):
                count = self.second.blocks[pair.y].copies if outer else 1
                rows = torch.split(unflatten(parts[at], 1, (sum(pair.rows), count)), pair.rows, 1)
                forms |= {step: rows[place] for place, step in enumerate(pair.steps)}
        return [forms[step] for step in range(len(self.steps))], matrices

    def _forms_back(
        self, xs: Tensors, ys: Tensors, matrices: list[Tensors], slopes: Tensors
    ) -> tuple[Tensors, Tensors]:
        """The gradients of the blocks of x and y for those of their products."""
        of_x: dict[int, torch.Tensor] = {}
        of_y: dict[int, torch.Tensor] = {}
        for (x, outer, pairs), made in zip(self.groups, matrices, strict=True):
            wholes = [joined(torch.cat([slopes[step] for step in pair.steps], 1), 1) for pair in pairs]
            if outer:
                slope = wholes[0] if len(wholes) == 1 else torch.cat(wholes, 1)
                _add(of_x, x, torch.bmm(made[0].transpose(1, 2), slope).transpose(1, 2))
                parts = torch.split(torch.bmm(slope, xs[x]), [one.shape[1] for one in wholes], 1)
                for part, pair in zip(parts, pairs, strict=True):
                    by_copy = unflatten(part, 1, (sum(pair.rows), self.second.blocks[pair.y].copies)).transpose(1, 2)
                    wide = joined(by_copy, 2)
                    _add(of_y, pair.y, torch.matmul(wide, self.constant(pair.constant, wide).T))
            else:
                for one, pair in zip(wholes, pairs, strict=True):
                    wide = torch.matmul(one.transpose(1, 2), self.constant(pair.constant, one).T)
                    wide = unflatten(wide, 2, (xs[x].shape[2], ys[pair.y].shape[2]))
                    _add(of_x, x, (wide * ys[pair.y].unsqueeze(2)).sum(3))
                    _add(of_y, pair.y, (wide * xs[x].unsqueeze(3)).sum(2))
        return [of_x[at] for at in range(len(xs))], [of_y[at] for at in range(len(ys))]

    def _mixed(self, forms: Tensors, weights: Tensors, shared: bool) -> Tensors:
        """The blocks (n, w, k) of the output of the products of each step."""
        made = []
        for steps in self.into:
            found = [_scaled(forms[at], weights[at], self.steps[at]) for at in steps if self.steps[at].mode != "uvw"]
            full = [at for at in steps if self.steps[at].mode == "uvw"]
            if full:
                found.append(
                    torch.matmul(_stacked([forms[at] for at in full]), _rows([weights[at] for at in full], shared))
                )
            total = found[0]
            for one in found[1:]:
                total = total + one
            made.append(total.transpose(1, 2))
        return made

    def _mixed_back(self, forms: Tensors, weights: Tensors, shared: bool, slopes: Tensors) -> tuple[Tensors, Tensors]:
        """The gradients of products and weights for those of the blocks of the output."""
        of_forms, of_weights = list(forms), list(weights)
        for steps, one in zip(self.into, slopes, strict=True):
            slope = one.transpose(1, 2).contiguous()  # (n, k, w)
            full = [at for at in steps if self.steps[at].mode == "uvw"]
            for at in steps:
                if self.steps[at].mode != "uvw":
                    of_forms[at] = slope.unsqueeze(2) * _factors(weights[at])
                    found = (forms[at] * slope.unsqueeze(2)).sum(1).transpose(1, 2)
                    of_weights[at] = found.sum(0) if shared else found
            if full:
                stacked, rows = _stacked([forms[at] for at in full]), _rows([weights[at] for at in full], shared)
                wide = torch.matmul(slope, rows.mT)
                if shared:
                    total = torch.matmul(joined(stacked, 0).T, joined(slope, 0)).unsqueeze(0)
                else:
                    total = torch.matmul(stacked.transpose(1, 2), slope)
                widths = [forms[at].shape[2] * forms[at].shape[3] for at in full]
                for at, part, block in zip(
                    full, torch.split(wide, widths, 2), torch.split(total, widths, 1), strict=True
                ):
                    size = forms[at].shape[2:]
                    of_forms[at] = unflatten(part, 2, size)
                    found = unflatten(block, 1, size).transpose(1, 2)
                    of_weights[at] = found[0] if shared else found
        return of_forms, of_weights


def _add(total: dict[int, torch.Tensor], key: int, value: torch.Tensor) -> None:
    total[key] = total[key] + value if key in total else value


def _factors(weight: torch.Tensor) -> torch.Tensor:
    """(1 or n, 1, v, u) of weights (1 or n, u, v)."""
    return weight.transpose(1, 2).unsqueeze(1)


def _scaled(form: torch.Tensor, weight: torch.Tensor, step: Step) -> torch.Tensor:
    """(n, k, u): products (n, k, v, u) times a weight each, and added."""
    found = form * _factors(weight).type_as(form)  # of an exported module, autocast leaves weights as they are
    return found.squeeze(2) if step.shape[1] == 1 else found.sum(2)


def _stacked(forms: Tensors) -> torch.Tensor:
    """(n, k, (v, u) of all steps) of products (n, k, v, u)."""
    return torch.cat([joined(form, 2) for form in forms], 2)


def _rows(weights: Tensors, shared: bool) -> torch.Tensor:
    """((v, u) of all steps, w) of shared weights (1, u, v, w), else (n, (v, u) of all steps, w)."""
    rows = torch.cat([joined(weight.transpose(1, 2), 1) for weight in weights], 1)
    return rows.squeeze(0) if shared else rows


class _Function(torch.autograd.Function):
    """`Products` with the derivative written out: products are made again, some samples at a time, and not kept."""

    @staticmethod
    def forward(
        x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, shared: bool, products: Products
    ) -> torch.Tensor:
        if shared:
            return samplewise(lambda a, b: (products.plain(a, b, weight, True),), x, y, nbytes=products.nbytes(x))[0]
        return samplewise(lambda a, b, c: (products.plain(a, b, c, False),), x, y, weight, nbytes=products.nbytes(x))[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, y, weight, ctx.shared, ctx.products = inputs
        ctx.save_for_backward(x, y, weight)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, y, weight = ctx.saved_tensors
        products: Products = ctx.products
        size = products.nbytes(x)
        if not ctx.shared:

            def own(*four: torch.Tensor) -> tuple[torch.Tensor, ...]:
                return products.slopes(four[0], four[1], four[2], False, four[3])

            return (*samplewise(own, x, y, weight, grads[0], nbytes=size), None, None)
        totals: Tensors = []

        def slopes(a: torch.Tensor, b: torch.Tensor, slope: torch.Tensor) -> tuple[torch.Tensor, ...]:
            of_x, of_y, of_weight = products.slopes(a, b, weight, True, slope)
            totals.append(of_weight)
            return of_x, of_y

        found = samplewise(slopes, x, y, grads[0], nbytes=size)
        total = totals[0]
        for one in totals[1:]:
            total = total + one
        return (*found, total, None, None)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[torch.Tensor, int]:
        x, y, weight, shared, products = inputs
        return torch.vmap(lambda a, b, c: products.plain(a, b, c, shared), in_dims[:3])(x, y, weight), 0
