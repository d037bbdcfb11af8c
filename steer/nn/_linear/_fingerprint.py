"""The identity of a kernel basis in checkpoints: coefficients mean nothing in another one."""

from typing import Any, Final

import torch

from ...errors import CheckpointError

_WHOLE: Final = 0.1
"""Farthest from a whole number that a digit of a fingerprint may be: averages in bfloat16 are off by its step, 1/16; a
hundredth of another basis, as a step of a moving average takes, by up to 0.15."""


def digits(fingerprint: str) -> torch.Tensor:
    """(32,): the hexadecimal digits as whole numbers 0 to 15, which every floating-point type holds exactly."""
    return torch.tensor([int(digit, 16) for digit in fingerprint], dtype=torch.float32, device="cpu")


def _name(prefix: str, found: torch.Tensor) -> str:
    """A fingerprint of a state dict in hexadecimal digits: 32 numbers, or the 16 bytes that were saved before."""
    if found.dtype == torch.uint8 and found.shape == (16,):
        return bytes(found.tolist()).hex()
    if found.is_floating_point() and found.shape == (32,):
        values = found.detach().to("cpu", torch.float64)
        whole = values.round()
        # averages of state dicts are whole up to rounding; those of two bases are not, or name a third one
        if bool(((values - whole).abs() < _WHOLE).all()) and whole.min() >= 0 and whole.max() <= 15:
            return "".join(f"{int(digit):x}" for digit in whole)
    if not found.is_floating_point() and found.shape == (32,):
        advice = (
            "a state dict that was cast to integers has lost its coefficients, too: save it without .long() or .int()"
        )
    elif found.shape == (32,) and bool(found.isfinite().all()):
        advice = (
            "numbers in between are of an average of state dicts with different kernel bases, whose coefficients mean "
            "different things: average only checkpoints of one model"
        )
    else:
        advice = "it names the kernel basis, so keep it as it was saved"
    raise CheckpointError(
        f"state_dict: {prefix}fingerprint: expected 32 whole numbers from 0 to 15 (or 16 bytes, torch.uint8), got "
        f"{tuple(found.shape)} of {found.dtype}; {advice}"
    )


def checked(
    module: torch.nn.Module, state_dict: dict[str, Any], prefix: str, fingerprint: str, meaning: str
) -> dict[str, Any]:
    """A state dict whose fingerprint, if it has one, is that of a module: with it whole again, and in today's form.

    Raises:
        CheckpointError: coefficients of another basis, or a fingerprint that is none; `meaning` says what the module's
            coefficients are of.
    """
    found = state_dict.get(prefix + "fingerprint")
    if found is None:
        return state_dict
    if not found.is_meta and (name := _name(prefix, found)) != fingerprint:
        raise CheckpointError(
            f"state_dict: {prefix}weight was trained in the kernel basis {name}, this {type(module).__name__} "
            f"has the basis {fingerprint} ({meaning}); "
            f"build the layer with the field types and arguments it was trained with"
        )
    return state_dict | {prefix + "fingerprint": digits(fingerprint).to(found.device)}
