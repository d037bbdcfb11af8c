"""What an audit found: a row for each layer, and totals."""

from dataclasses import dataclass
from typing import Final

import numpy as np

WIDEST: Final = 32
"""Characters of the longest list of fields in a printed table."""


@dataclass(frozen=True)
class AuditRow:
    """One layer of a network; see `Audit`."""

    name: str
    layer: str
    fields: str
    in_shape: tuple[int, ...] | None
    out_shape: tuple[int, ...] | None
    exact_before: float | None = None
    exact_after: float | None = None
    exact_before_float32: float | None = None
    exact_after_float32: float | None = None
    before: float | None = None
    after: float | None = None
    before_float32: float | None = None
    after_float32: float | None = None
    alone: float | None = None
    share: float | None = None
    centre: bool | None = None
    lost: str = ""
    sizes: tuple[tuple[int, ...], ...] = ()
    padding: str = ""
    band_limit: float | None = None
    note: str = ""


@dataclass(frozen=True, repr=False)
class Audit:
    """What each layer of a network does to its equivariance; print it for the table.

    Errors are relative ones, the largest over the elements, None where they cannot be measured. "Exact" ones are those
    of elements that map the samples of the input to themselves, where round-off is all that may be left; the others
    are of elements that do not. Those without another name are measured in float64.

    Attributes:
        rows: one for each layer, in the order of the calls, with the attributes

            `name`, `layer`, `fields`: its name in the network, its class and the type of its output; "" of modules of
            torch, which have no types.

            `in_shape`, `out_shape`: (channels, *space) of its input and output.

            `exact_before`, `exact_after`, and the same with `_float32`: error of its input and of its output.

            `before`, `after`, and the same with `_float32`: those for the other elements.

            `alone`: error of the layer alone, on waves of its own type, for two of the other elements.

            `share`: of the squared error of the output, how much came in here: what it grows by from the layer's input
            to its output, less what later layers average away. The shares add up to 1; None where there is nothing
            beyond round-off. They are exact for chains if the errors of layers are independent; among branches they
            are estimates. Nonlinearities act on each sample by itself, so that alone they have no error; where they
            have a share, they enlarge the error that they are given relative to the features. That their outputs have
            waves above the band limit is seen in the next convolution, which then adds more than `alone`.

            `centre`: whether it reads space symmetrically about the centre, so that the centre stays where it is.

            `lost`, `sizes`: where it loses symmetries of the grid by that, which and what keeps them, and the nearest
            sizes of its input that do (`steer.nn.grid_loss`).

            `padding`: samples that it adds at each end, and what they are. Those that are not turned copies of what is
            there err at the borders, by as many samples more with each layer; waves fade out before.

            `band_limit`: of filters of least aliasing, the frequency up to which they are made for, as a fraction of
            Nyquist; None of others.

            `note`: what a reader must know, such as that nothing says how its output transforms.

            ``[vars(row) for row in audit.rows]`` are dictionaries, as pandas and others take them.
        exact: error of the output for the exact elements; None if there are none besides the identity.
        exact_float32: the same in float32.
        error: error of the output for the other elements; None if there are none.
        error_float32: the same in float32.
        elements: how many elements were tried, exact ones and others.
        band_limit: of the waves.
        sizes: the nearest sizes of the input for which no layer loses a symmetry of the grid; empty if none does.
    """

    rows: tuple[AuditRow, ...]
    exact: float | None
    exact_float32: float | None
    error: float | None
    error_float32: float | None
    elements: tuple[int, int]
    band_limit: float
    sizes: tuple[tuple[int, ...], ...] = ()

    @property
    def worst(self) -> float:
        """The largest error of the output, in float64; NaN if one is."""
        known = [value for value in (self.exact, self.error) if value is not None]
        return float(np.max(known)) if known else 0.0

    def __repr__(self) -> str:
        errors = f"exact {shown_error(self.exact) or '-'}, other {shown_error(self.error) or '-'}"
        return f"<{type(self).__name__} of {len(self.rows)} layers: {errors}>"

    def __str__(self) -> str:
        lines = self.table()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(_padded(line, widths)).rstrip() for line in lines]
        return "\n".join([*text, *self.notes()])

    def table(self) -> list[list[str]]:
        """The cells of the printed table.

        Returns:
            The headings, a line for each row, and one of the output.
        """
        heads = ["name", "layer", "fields", "output", "padding", "exact", "float32", "before", "after", "alone"]
        lines = [[*heads, "share"]]
        for row in self.rows:
            line = [row.name or "(itself)", row.layer, _cut(row.fields), _by(row.out_shape), row.padding]
            line += map(shown_error, (row.exact_after, row.exact_after_float32, row.before, row.after, row.alone))
            lines.append([*line, "" if row.share is None else f"{100 * row.share:.0f}%"])
        totals = [shown_error(value) for value in (self.exact, self.exact_float32, None, self.error)]
        lines.append(["output", "", "", "", "", *totals, "", ""])
        return lines

    def notes(self) -> list[str]:
        """What a reader must know beside the table.

        Returns:
            Lines: what layers lose and what has no types, sizes that lose nothing, what was tried.
        """
        told = [f"{row.name or '(itself)'}: {text}" for row in self.rows for text in (row.lost, row.note) if text]
        if self.sizes:
            told.append(f"sizes of the input that lose nothing: {' or '.join(map(_by, self.sizes))}")
        exact, other = self.elements
        waves = f"waves up to {self.band_limit:g} of Nyquist"
        return [*told, f"{exact} elements that map the grid to itself, {other} others, on {waves}"]


def shown_error(value: float | None) -> str:
    """An error for tables: per cent, and powers of ten where it is next to nothing."""
    if value is None:
        return ""
    return f"{100 * value:.2f}%" if value >= 1e-4 else "0" if value == 0 else f"{value:.0e}"


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _by(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " x ".join(map(str, shape))


def _padded(line: list[str], widths: list[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    pairs = list(zip(line, widths, strict=True))
    return [text.ljust(width) for text, width in pairs[:5]] + [text.rjust(width) for text, width in pairs[5:]]
