"""Whether functions of single numbers are odd or even, which says what becomes of fields that change sign."""

from typing import Final

import torch

from ._elementwise import SAFE, dtype_of, sandbox
from ._trial import trials

ENDS: Final = (1.0, 10.0, 1000.0)
"""Functions are compared at numbers up to each of these, in units of their largest value there."""

UNITS: Final = 64
"""How many units of the last place f(-x) and f(x) may be off, by a few operations that round otherwise."""

EVEN: Final = 1
ODD: Final = -1


def parity(function: torch.nn.Module, channels: int) -> int:
    """ODD or EVEN if f(-x) is -f(x) or f(x) for all x, else 0; of an elementwise function, which is tried on copies.

    The copies are those of `require_elementwise`, with the parameters as they may become. A function that is random in
    training is given equal draws for x and -x.
    """
    found = {ODD, EVEN}
    channels = 1 if type(function) in SAFE else channels
    with sandbox():
        for is_extra, build in trials(getattr(function, "_orig_mod", function)):
            try:
                trial = build()
                found &= _parities(trial, channels)
            except Exception:  # whatever a module of a user's own may raise: the next copy is more like it
                continue
            if not is_extra:
                return ODD if ODD in found else EVEN if EVEN in found else 0
    return 0


def keeps_positive(function: torch.nn.Module, channels: int) -> bool:
    """Whether f(x) = x for all x > 0, of an elementwise function as it is now."""
    with sandbox():
        *_, (_, as_it_is) = trials(getattr(function, "_orig_mod", function))
        trial = as_it_is().eval()
        x = torch.linspace(0, ENDS[1], 65, dtype=dtype_of(trial)).unsqueeze(1).repeat(1, channels)
        return torch.equal(_values(trial, x), x.double())


def _parities(trial: torch.nn.Module, channels: int) -> set[int]:
    try:
        return _in_its_dtype(trial.double(), channels)
    except Exception:  # it holds what cannot be cast
        return _in_its_dtype(trial, channels)


def _in_its_dtype(trial: torch.nn.Module, channels: int) -> set[int]:
    dtype = dtype_of(trial) if any(True for _ in trial.parameters()) else torch.float64
    found = {ODD, EVEN}
    for training in (False, True):
        trial.train(training)
        for end in ENDS:
            x = torch.linspace(0, end, 65, dtype=dtype).unsqueeze(1).repeat(1, channels)
            at, below = _values(trial, x), _values(trial, -x)
            scale = float(at[at.isfinite()].abs().max()) if at.isfinite().any() else 0.0
            tolerance = UNITS * torch.finfo(dtype).eps * scale
            found = {sign for sign in found if torch.allclose(below, sign * at, rtol=0, atol=tolerance, equal_nan=True)}
    return found


def _values(trial: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The function at numbers x (n, channels), in the first shape that it takes."""
    refused: Exception | None = None
    for axes in range(4):
        torch.default_generator.manual_seed(0)
        try:
            out: torch.Tensor = trial(x.reshape(*x.shape, *axes * [1]).clone())
            return out.reshape(x.shape).double()
        except Exception as error:  # as above
            refused = refused or error
    raise refused or RuntimeError("no shape to try")
