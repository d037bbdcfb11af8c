"""An audit of a network: what each layer does to equivariance, measured."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from .. import nn
from .._spacing import Spacing
from .._values import as_tuple, is_count, require_count
from ..errors import FieldTypeError, ShapeError, SteerError
from ..kernels import KernelPlan, LeastAliasing
from ..nn import FieldType
from ._audit_report import Audit, AuditRow
from ._audit_runs import Observer, Place, Seen, Turns, copy_of, measure, turns_of
from ._compare import require_type
from ._equivariance import equivariance_error
from ._inputs import axes_of, lattices_of, spacings_of, type_of
from ._waves import Waves, require_settings

ROUND_OFF: Final = 1e-9
"""Errors of outputs below this, in float64, have no causes to be told."""


def audit(
    model: torch.nn.Module,
    input_shape: Sequence[int],
    *,
    elements: npt.ArrayLike | None = None,
    in_type: FieldType | None = None,
    band_limit: float = 0.5,
    average: float | None = None,
    seed: int = 0,
    lattice: str | tuple[str, str] | None = None,
    spacing: Any = None,
) -> Audit:
    """What each layer of a network does to its equivariance, measured on fields that turn without interpolation.

    The inputs are sums of plane waves, and features are compared at the centre, as `equivariance_error` does with
    ``inputs="waves"``: of a copy of the network in evaluation, in float64 and in float32, at each layer. Every module
    will do, of this package, of torch, or of your own with some of both inside. Modules of torch have no types; where
    they follow on invariant fields, as heads of classifiers do, their outputs are taken for invariants, elsewhere
    nothing is measured of them. That is told in their rows. It takes as long as some thirty calls of the network.

    Args:
        model: the network.
        input_shape: of an input, (batch, channels, *space); a batch of some ten or more, since of each field the centre
            alone is compared.
        elements: (n, d, d), of the group of the input. When None up to eight that map the lattice to itself and
            four that do not, of the largest group that all layers have.
        in_type: type of the input; when None that of the model, or of the first of its layers that has one.
        band_limit: highest frequency of the waves as a fraction of the Nyquist frequency.
        average: radius in pixels of the window over which features are averaged before they are compared; when None
            they are compared at the centre, or over 4 pixels about it where no sample lies there.
        seed: of the waves.
        lattice: as of `equivariance_error`.
        spacing: as of `equivariance_error`.

    Returns:
        A row for each layer, and totals.

    Raises:
        FieldTypeError: nothing in the model has a type.
        GroupError: a matrix is not in the group of the input.
        ShapeError: no shape, or one that the type or the model does not take.
        SteerError: no module, or settings out of range.

    Example:
        >>> import steer
        >>> from steer import nn
        >>> G = steer.group("C8", dim=2)
        >>> image, hidden = nn.FieldType(G, [G.trivial]), nn.FieldType(G, 4 * [G.regular])
        >>> net = nn.Sequential(nn.Conv2d(image, hidden, 5, padding=2), nn.ReLU(hidden), nn.GroupPool(hidden))
        >>> found = steer.audit(net, (16, 1, 33, 33))
        >>> found.exact < 1e-12, found.exact_float32 < 1e-5, found.error < 0.1
        (True, True, True)
        >>> [row.layer for row in found.rows], found.rows[0].padding
        (['Conv2d', 'ReLU', 'GroupPool'], '2 zeros')
    """
    if not isinstance(model, torch.nn.Module):
        raise SteerError(f"model: expected a network, a torch.nn.Module, got {type(model).__name__}")
    settings = require_settings("waves", band_limit, average)
    assert settings is not None, "waves were asked for"
    network: torch.nn.Module = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    kind = _in_type(network, in_type)
    shape = _shape(input_shape, kind)
    lattices, spacings = lattices_of(network, lattice), spacings_of(network, spacing, kind.group.dim)
    parts = dict(_parts(network))
    groups = [kind.group, *(end.group for part in parts.values() for end in _types(part))]
    has_positions = axes_of(torch.empty(shape, device="meta"), kind) == "grid"
    seed = require_count("seed", seed, SteerError)
    turns = turns_of(groups, elements, lattices[0], spacings[0], has_positions, seed)
    place = Place(lattices, spacings[0], settings.average)
    observer = Observer({**parts, "": network}, place)
    device = next((tensor.device for tensor in network.parameters()), torch.device("cpu"))
    make = _fields(kind, shape, seed, lattices[0], spacings[0], settings.band_limit, has_positions)
    alone: dict[str, float | None] = {}
    for dtype in (torch.float64, torch.float32):
        with copy_of(network, dtype) as copied:
            with observer.watching(copied):
                measure(observer, copied, lambda g, dtype=dtype: make(g).to(device, dtype), turns)  # type: ignore[misc]
            if dtype == torch.float64:
                alone = {
                    name: _alone(copied.get_submodule(name), observer.seen[name], turns, place, shape[0], band_limit)
                    for name in parts
                    if name in observer.seen
                }
    rows = tuple(_rows(parts, observer, turns, alone))
    sizes = _sizes(network, shape) if any(row.lost for row in rows) else ()
    return _total(rows, observer, turns, settings.band_limit, sizes)


def _in_type(network: torch.nn.Module, in_type: FieldType | None) -> FieldType:
    require_type("in_type", in_type)
    found = in_type if in_type is not None else type_of(network, "in_type")
    if not isinstance(found, FieldType):
        found = next((part.in_type for part in network.modules() if isinstance(part, nn.Module)), None)
    if found is None:
        raise FieldTypeError(
            f"in_type: nothing in {type(network).__name__} has a field type, so that nothing says how its input "
            f"transforms; audit a network with modules of steer.nn, or pass in_type="
        )
    return found


def _shape(input_shape: Sequence[int], kind: FieldType) -> tuple[int, ...]:
    what = f"(batch, {kind.size}, *space), sizes >= 1"
    shape: tuple[int, ...] = as_tuple("input_shape", input_shape, ShapeError, what)
    if len(shape) < 2 or not all(is_count(size, 1) for size in shape):
        raise ShapeError(f"input_shape: expected {what}, got {input_shape!r}")
    kind.check(torch.empty(shape, device="meta"))
    return shape


def _parts(network: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    """The layers: what has no layers inside, and of modules of this package what has none of them inside."""
    whole: list[str] = []
    for name, module in network.named_modules():
        if any(name.startswith(prefix) for prefix in whole):
            continue
        inner = [part for part in module.modules() if part is not module]
        is_layer = isinstance(module, nn.Module) and not any(isinstance(part, nn.Module) for part in inner)
        if is_layer or not inner:
            whole.append(f"{name}." if name else "")
            yield name, module


def _types(module: torch.nn.Module) -> tuple[FieldType, ...]:
    return (module.in_type, module.out_type) if isinstance(module, nn.Module) else ()


def _fields(
    kind: FieldType,
    shape: tuple[int, ...],
    seed: int,
    lattice: str,
    spacing: Spacing,
    band_limit: float,
    has_positions: bool,
) -> Any:
    """A function of elements, and of None for the identity, that gives the turned input."""
    if has_positions:
        return Waves.random(kind, (shape[0], *shape[2:]), seed, lattice, spacing, band_limit).sampled
    noise = torch.from_numpy(np.random.default_rng(seed).normal(size=shape))
    return lambda g: noise if g is None else kind.transform(noise, g)


def _alone(
    module: torch.nn.Module, seen: Seen, turns: Turns, place: Place, batch: int, band_limit: float
) -> float | None:
    """The error of a layer on waves of its own type."""
    if seen.kinds is None or seen.invariant or seen.shapes[0] is None:
        return None
    kind, space = seen.kinds[0], seen.shapes[0][1:]
    g = turns.inside(kind.group)
    if g is None or turns.exact.all() or len(space) != kind.group.dim:
        return None
    others = g[~turns.exact]
    spacing = getattr(module, "spacing", None) or place.spacing
    try:
        errors = equivariance_error(
            module,
            elements=others[:: max(len(others) // 2, 1)][:2],
            shape=(batch, *space),
            dtype=torch.float64,
            lattice=place.lattice_of(module, space),
            spacing=spacing,
            inputs="waves",
            band_limit=band_limit,
            average=place.average,
        )
    except SteerError:  # such as what is zero on waves, or whose output has elements of another group
        return None
    return float(errors.max())


def _rows(
    parts: dict[str, torch.nn.Module], observer: Observer, turns: Turns, alone: dict[str, float | None]
) -> Iterator[AuditRow]:
    """In the order of the calls; what was not called comes last."""
    order = [name for name in observer.seen if name in parts]
    shares = _shares({name: observer.seen[name] for name in order})
    for name in [*order, *(name for name in parts if name not in observer.seen)]:
        module, seen = parts[name], observer.seen.get(name, Seen())
        typed = isinstance(module, nn.Module)
        fields = str(module.out_type).removesuffix(f" ({module.out_type.size} channels)") if typed else ""
        layer = type(module).__name__
        layer = f"torch.nn.{layer}" if type(module).__module__.startswith("torch.nn.") else layer
        columns: dict[str, Any] = {**_errors(seen, turns), **_reading(module, seen)}
        columns |= {"alone": alone.get(name), "share": shares.get(name), "note": _note(seen, typed, name in order)}
        yield AuditRow(name, layer, fields, *seen.shapes, **columns)


def _shares(layers: dict[str, Seen]) -> dict[str, float]:
    """How much of the squared error comes in at each layer and is there in the end; their sum is 1.

    Where a layer's output has a smaller error than its input, all that came before is reduced in that proportion.
    """
    came: dict[str, float] = {}
    for name, seen in layers.items():
        before, after = _mean_square(seen, 0), _mean_square(seen, 1)
        if before is None or after is None:
            continue
        if after < before:
            came = {other: value * after / before for other, value in came.items()}
        came[name] = max(after - before, 0.0)
    total = sum(came.values())
    return {name: value / total for name, value in came.items()} if total > ROUND_OFF**2 else {}


def _note(seen: Seen, typed: bool, called: bool) -> str:
    if not called:
        return "was not called"
    if typed:
        return ""
    if seen.invariant:
        return "has no field types; it follows on invariant fields, and its output is taken for invariant"
    return "has no field types, so that nothing says how its output transforms"


def _errors(seen: Seen, turns: Turns) -> dict[str, float | None]:
    """The columns of errors."""
    out: dict[str, float | None] = {}
    for dtype, suffix in ((torch.float64, ""), (torch.float32, "_float32")):
        errors = seen.errors.get(dtype)
        for end, name in enumerate(("before", "after")):
            for kind, chosen in (("exact_", turns.exact), ("", ~turns.exact)):
                values = None if errors is None else errors[end][chosen]
                known = values is not None and values.size > 0 and bool((~np.isnan(values)).any())
                out[f"{kind}{name}{suffix}"] = float(np.nanmax(values)) if known and values is not None else None
    return out


def _mean_square(seen: Seen, end: int) -> float | None:
    """Of the errors of an input (0) or output (1) for all elements, in float64."""
    errors = seen.errors.get(torch.float64)
    if errors is None or not errors.size or np.isnan(errors[end]).any():
        return None
    return float((errors[end] ** 2).mean())


def _reading(module: torch.nn.Module, seen: Seen) -> dict[str, Any]:
    """How a layer reads space: the columns `centre`, `lost`, `sizes`, `padding` and `band_limit`."""
    out: dict[str, Any] = {"band_limit": _band_limit(module)}
    axes: tuple[Any, ...] = tuple(module.sampling) if isinstance(module, nn.Module) else ()
    space: tuple[int, ...] = () if seen.shapes[0] is None else seen.shapes[0][1:]
    pads = [getattr(axis, "padding", 0) for axis in axes]
    if any(pads):
        mode = getattr(axes[0], "padding_mode", "zeros")
        amount = str(pads[0]) if len(set(pads)) == 1 else " x ".join(map(str, pads))
        out["padding"] = f"{amount} {mode}"
    if axes and len(axes) == len(space) and getattr(module, "lattice", "square") == "square":
        out["centre"] = all(axis.keeps(size) for axis, size in zip(axes, space, strict=True))
        loss = nn.grid_loss(module, space)
        if loss is not None:
            out |= {"lost": str(loss), "sizes": loss.sizes}
    return out


def _band_limit(module: torch.nn.Module) -> float | None:
    plan = getattr(module, "plan", None)
    functions = plan.functions if isinstance(plan, KernelPlan) else None
    return functions.band_limit if isinstance(functions, LeastAliasing) else None


def _sizes(network: torch.nn.Module, shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Sizes of the input for which no layer loses a symmetry of the grid."""
    try:
        loss = nn.grid_loss(network, shape[2:])
    except SteerError:  # whose layers sit behind others, or read values: rows tell of each
        return ()
    return () if loss is None else loss.sizes


def _total(
    rows: tuple[AuditRow, ...],
    observer: Observer,
    turns: Turns,
    band_limit: float,
    sizes: tuple[tuple[int, ...], ...],
) -> Audit:
    """The whole, with the errors of the output; those of the last row that has some where nothing is known of it."""
    found = _errors(observer.seen[""], turns)
    if all(value is None for value in found.values()):
        last = next((row for row in reversed(rows) if row.after is not None or row.exact_after is not None), None)
        found = {} if last is None else vars(last)
    return Audit(
        rows,
        exact=found.get("exact_after"),
        exact_float32=found.get("exact_after_float32"),
        error=found.get("after"),
        error_float32=found.get("after_float32"),
        elements=(int(turns.exact.sum()), int((~turns.exact).sum())),
        band_limit=band_limit,
        sizes=sizes,
    )
