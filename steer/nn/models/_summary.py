"""How wide a model is beside its plain twin."""

from dataclasses import dataclass

import torch

from ...errors import SteerError
from .._chain._chain import Sequential


@dataclass(frozen=True)
class Row:
    """One part of a model."""

    name: str
    fields: str  # type of the part's output
    channels: int
    parameters: int
    plain_channels: int
    plain_parameters: int


@dataclass(frozen=True)
class Summary:
    """Channels and parameters of a model and its plain twin; print it for the table.

    Attributes:
        rows: one for each part of the model, with its name, fields, channels, parameters, and those of the twin.
    """

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """Number of trainable parameters of the model."""
        return sum(row.parameters for row in self.rows)

    @property
    def plain_parameters(self) -> int:
        """Number of trainable parameters of the plain twin."""
        return sum(row.plain_parameters for row in self.rows)

    def __str__(self) -> str:
        ratio = f"{self.parameters / self.plain_parameters:.2f} of the plain twin's"
        lines: list[tuple[str, ...]] = [("part", "fields", "channels", "plain", "parameters", "plain")]
        for row in self.rows:
            numbers = (row.channels, row.plain_channels, row.parameters, row.plain_parameters)
            lines.append((row.name, row.fields, *(f"{number:,}" for number in numbers)))
        lines.append(("all", ratio, "", "", f"{self.parameters:,}", f"{self.plain_parameters:,}"))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(_padded(line, widths)).rstrip() for line in lines)


def _padded(line: tuple[str, ...], widths: list[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    pairs = list(zip(line, widths, strict=True))
    return [text.ljust(width) for text, width in pairs[:2]] + [text.rjust(width) for text, width in pairs[2:]]


def summary(model: Sequential) -> Summary:
    """The channels and parameters of each part of a model, beside those of its plain twin.

    Args:
        model: a `ResNet` or `UNet`, or another `Sequential` with a method `twin` that returns one of the same parts.

    Returns:
        The table, a part a row.

    Raises:
        SteerError: the model has no plain twin.
    """
    if not isinstance(model, Sequential) or not callable(getattr(model, "twin", None)):
        raise SteerError(
            f"model: expected a ResNet or UNet of steer.nn.models, or a Sequential with a method twin(), got "
            f"{type(model).__name__}"
        )
    with torch.device("meta"):
        twin = model.twin()  # type: ignore[operator]
    pairs = zip(model._parts(), twin._parts(), strict=True)
    return Summary(
        tuple(
            Row(name, str(part.out_type), part.out_type.size, _count(part), other.out_type.size, _count(other))
            for (name, part), (_, other) in pairs
        )
    )


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
