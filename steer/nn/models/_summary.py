"""A network as a table: its layers, or its parts beside those of its plain twin."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from ..._values import require_flag
from ...errors import SteerError
from .._chain._chain import Sequential
from .._engine._module import Module
from ._operations import Work, work_of

WIDEST: Final = 44
"""Characters of the longest list of fields in a printed table."""


@dataclass(frozen=True)
class Row:
    """One layer or part of a network."""

    name: str
    layer: str  # its class
    fields: str  # type of its output; "" of modules without types
    channels: int | None
    parameters: int
    shape: tuple[int, ...] | None = None  # of its output
    multiply_adds: int | None = None
    expansion: int | None = None
    plain_channels: int | None = None
    plain_parameters: int | None = None
    plain_multiply_adds: int | None = None


@dataclass(frozen=True, repr=False)
class Summary:
    """The layers of a network, or its parts beside those of the plain twin; print it for the table.

    Attributes:
        rows: one for each layer or part, with the attributes

            `name`, `layer`: its name in the network, "" for what the network does itself, and its class.

            `fields`, `channels`: type and size of its output; "" and None for modules of torch, which have no types.

            `parameters`: trainable ones. What layers share counts once, for the first.

            `shape`, `multiply_adds`, `expansion`: where the shape of an input was given, the shape of the output, the
            multiply-adds on it, and those that expand its filter from coefficients; otherwise None.

            `plain_channels`, `plain_parameters`, `plain_multiply_adds`: of the twin, or None.

            ``[vars(row) for row in summary.rows]`` are dictionaries, as pandas and others take them.
        frozen: number of parameters that are not trainable.
    """

    rows: tuple[Row, ...]
    frozen: int = 0

    @property
    def parameters(self) -> int:
        """Number of trainable parameters of the network."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int | None:
        """Multiply-adds of one call, whose filters are expanded before; None without the shape of an input."""
        return _sum(row.multiply_adds for row in self.rows)

    @property
    def expansion(self) -> int | None:
        """Multiply-adds that expand all filters once; None without the shape of an input."""
        return _sum(row.expansion for row in self.rows)

    @property
    def plain_parameters(self) -> int | None:
        """Number of trainable parameters of the plain twin; None of layers, which are not compared with one."""
        return _sum(row.plain_parameters for row in self.rows)

    @property
    def plain_multiply_adds(self) -> int | None:
        """Multiply-adds of one call of the plain twin; None without the twin or the shape of an input."""
        return _sum(row.plain_multiply_adds for row in self.rows)

    def __repr__(self) -> str:
        work = "" if self.multiply_adds is None else f", {self.multiply_adds:,} multiply-adds"
        what = "layers" if self.plain_parameters is None else "parts beside the plain twin's"
        return f"<{type(self).__name__} of {len(self.rows)} {what}: {self.parameters:,} parameters{work}>"

    def __str__(self) -> str:
        lines = [*self._table(), *self._notes()]
        return "\n".join(lines)

    def _table(self) -> list[str]:
        twin, ran = self.plain_parameters is not None, self.multiply_adds is not None
        heads = ["part", "fields"] if twin else ["name", "layer", "fields"]
        words = len(heads) + ran
        heads += [*(["output"] if ran else []), *(["channels", "plain"] if twin else [])]
        heads += ["parameters", *(["plain"] if twin else [])]
        heads += ["multiply-adds", *(["plain"] if twin else []), "expansion"] if ran else []
        lines = [heads]
        for row in self.rows:
            fields = row.fields if len(row.fields) <= WIDEST else row.fields[: WIDEST - 1] + "…"
            line = [row.name or "(itself)", *([] if twin else [row.layer]), fields]
            line += [_by(row.shape)] if ran else []
            line += [_number(row.channels), _number(row.plain_channels)] if twin else []
            line += _counts(row, twin, ran)
            lines.append(line)
        ratio = f"{self.parameters / self.plain_parameters:.2f} of the plain twin's" if self.plain_parameters else ""
        lines.append(["all", *([] if twin else [""]), ratio, *([""] if ran else []), *(["", ""] if twin else [])])
        lines[-1] += _counts(self, twin, ran)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return ["  ".join(_padded(line, widths, words)).rstrip() for line in lines]

    def _notes(self) -> Iterator[str]:
        """What a reader must know beside the table."""
        untyped = [f"{row.name or '(itself)'} ({row.layer})" for row in self.rows if not row.fields]
        if untyped:
            names = ", ".join(untyped[:3]) + (f" and {len(untyped) - 3} more" if untyped[3:] else "")
            yield f"without field types, so that nothing says how they transform: {names}"
        if self.frozen:
            yield f"and {self.frozen:,} parameters that are not trainable"


def summary(
    model: torch.nn.Module,
    input_shape: Sequence[int] | None = None,
    *,
    twin: bool | None = None,
    **keywords: Any,
) -> Summary:
    """The layers of a network: field types, parameters and, on an input, sizes and multiply-adds.

    Every module will do, of this package, of torch, or of your own with some of both inside. Containers have no row,
    but for what they hold or compute themselves. A `ResNet` or `UNet` is shown by its parts beside those of its plain
    twin, unless ``twin=False`` asks for its layers.

    Multiply-adds are those of products of matrices and of convolutions in the forward pass, as in
    `torch.utils.flop_counter` (which counts two operations for each): pooling, norms and nonlinearities without
    products have none. Coefficients are expanded to filters once in a step of training, whatever the batch, and in
    evaluation once for all: that is counted apart. Nothing is computed: the network runs on tensors without values.

    Args:
        model: the network.
        input_shape: of an input, (batch, channels, *space); without it there are no sizes and multiply-adds.
        twin: whether parts are compared with those of ``model.twin()``; by default where the model is a `Sequential`
            with that method, which returns one of the same parts.
        **keywords: further arguments of a call of the network, such as ``mask=``.

    Returns:
        The table, a layer or part a row; print it, or read its `rows`.

    Raises:
        SteerError: no module, one that does not run on an input of that shape, or whose parameters torch makes at the
            first call; ``twin=True`` for a model without one.
        ShapeError: no shape, or one that does not fit the network.

    Example:
        >>> import steer
        >>> from steer import nn
        >>> G = steer.group("C8", dim=2)
        >>> image, hidden = nn.FieldType(G, [G.trivial]), nn.FieldType(G, 4 * [G.regular])
        >>> net = nn.Sequential(nn.Conv2d(image, hidden, 5), nn.ReLU(hidden), nn.GroupPool(hidden))
        >>> print(nn.models.summary(net, (1, 1, 32, 32)))
        name  layer      fields           output            parameters  multiply-adds  expansion
        0     Conv2d     4 regular of C8  1 x 32 x 28 x 28          56        627,200     10,400
        1     ReLU       4 regular of C8  1 x 32 x 28 x 28           0              0          0
        2     GroupPool  4 A of C8        1 x 4 x 28 x 28            0              0          0
        all                                                         56        627,200     10,400
    """
    if not isinstance(model, torch.nn.Module):
        raise SteerError(f"model: expected a network, a torch.nn.Module, got {type(model).__name__}")
    network: torch.nn.Module = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    build = getattr(network, "twin", None) if isinstance(network, Sequential) else None
    build = build if callable(build) else None
    compare = build is not None if twin is None else require_flag("twin", twin, SteerError)
    if compare and build is None:
        raise SteerError(
            f"twin: {type(network).__name__} has no plain twin, as ResNet and UNet of steer.nn.models do, or a "
            f"Sequential of your own with a method twin() that returns one of the same parts; leave twin out"
        )
    _require_made(network)
    work = None if input_shape is None else work_of(network, input_shape, keywords)
    frozen = sum(value.numel() for value in network.parameters() if not value.requires_grad)
    if not compare or build is None or not isinstance(network, Sequential):
        return Summary(tuple(_rows(network, work)), frozen)
    with torch.device("meta"):
        other = build()
    plain_work = None if input_shape is None else work_of(other, input_shape, keywords)
    return Summary(tuple(_compared(network, work, other, plain_work)), frozen)


def _require_made(network: torch.nn.Module) -> None:
    """Refuse parameters that have no size yet."""
    for name, value in network.named_parameters():
        if isinstance(value, torch.nn.parameter.UninitializedParameter):
            raise SteerError(
                f"model: {name} has no size before torch has seen an input; call the network once, then its summary"
            )


def _layers(
    network: torch.nn.Module, work: dict[str, Work] | None
) -> list[tuple[str, list[tuple[str, torch.nn.Module]]]]:
    """Each row's name, and the modules whose parameters and work are its own by name, its module first.

    Modules of torch inside of a layer of ours are part of it. Containers have a row if something is left for it.
    """
    met: set[int] = set()
    found: list[tuple[str, list[tuple[str, torch.nn.Module]]]] = []

    def visit(name: str, module: torch.nn.Module) -> None:
        if id(module) in met:
            return
        children = [(f"{name}.{key}" if name else key, part) for key, part in module.named_children()]
        own = [(name, module)]
        if isinstance(module, Module):
            parts = [child for child in children if not any(isinstance(part, Module) for part in child[1].modules())]
            children = [child for child in children if child not in parts]
            own += [(_inside(key, inner), each) for key, part in parts for inner, each in part.named_modules()]
        met.update(id(part) for _, part in own)
        done = [] if work is None else [work[key] for key, _ in own if key in work]
        holds = any(True for _, part in own for _ in part.parameters(recurse=False))
        if not children or holds or any(each.multiply_adds or each.expansion for each in done):
            found.append((name, own))
        for key, part in children:
            visit(key, part)

    visit("", network)
    return found


def _inside(name: str, inner: str) -> str:
    """The name of a module in the network, by that of what it is in and its name there."""
    return f"{name}.{inner}" if name and inner else name or inner


def _rows(network: torch.nn.Module, work: dict[str, Work] | None) -> Iterator[Row]:
    counted: set[int] = set()
    for name, own in _layers(network, work):
        held = {id(value): value for _, part in own for value in part.parameters(recurse=False)}
        new = [value for key, value in held.items() if key not in counted and value.requires_grad]
        counted.update(held)
        yield _row(name, own[0][1], sum(value.numel() for value in new), work, [key for key, _ in own])


def _row(
    name: str, module: torch.nn.Module, parameters: int, work: dict[str, Work] | None, inside: list[str], **plain: Any
) -> Row:
    kind = module.out_type if isinstance(module, Module) else None
    fields, channels = ("", None) if kind is None else (str(kind).removesuffix(f" ({kind.size} channels)"), kind.size)
    layer = type(module).__name__
    if type(module).__module__.startswith("torch.nn."):
        layer = f"torch.nn.{layer}"
    if work is None:
        return Row(name, layer, fields, channels, parameters, **plain)
    done = [work[key] for key in inside if key in work]
    shape = work[name].shape if name in work else None
    sums = sum(each.multiply_adds for each in done), sum(each.expansion for each in done)
    return Row(name, layer, fields, channels, parameters, shape, *sums, **plain)


def _compared(
    network: Sequential, work: dict[str, Work] | None, twin: Sequential, plain_work: dict[str, Work] | None
) -> Iterator[Row]:
    for (name, part), (key, other) in zip(network._parts(), twin._parts(), strict=True):
        plain = _row(key, other, _count(other), plain_work, [_inside(key, inner) for inner, _ in other.named_modules()])
        yield _row(
            name,
            part,
            _count(part),
            work,
            [_inside(name, inner) for inner, _ in part.named_modules()],
            plain_channels=plain.channels,
            plain_parameters=plain.parameters,
            plain_multiply_adds=plain.multiply_adds,
        )


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def _sum(values: Iterable[int | None]) -> int | None:
    """Of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _counts(of: Row | Summary, twin: bool, ran: bool) -> list[str]:
    found = [of.parameters, *([of.plain_parameters] if twin else [])]
    found += [of.multiply_adds, *([of.plain_multiply_adds] if twin else []), of.expansion] if ran else []
    return [_number(value) for value in found]


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _by(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " x ".join(map(str, shape))


def _padded(line: list[str], widths: list[int], words: int) -> list[str]:
    """Words to the left, numbers to the right."""
    pairs = list(zip(line, widths, strict=True))
    return [text.ljust(width) for text, width in pairs[:words]] + [text.rjust(width) for text, width in pairs[words:]]
