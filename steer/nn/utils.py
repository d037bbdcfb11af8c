"""Constraints on layers with coefficients: the counterpart of `torch.nn.utils`."""

import torch
from torch.nn.utils import parametrize

from .._values import is_real, require_count
from ..errors import FieldTypeError, SteerError
from ._engine._kept import Kept
from ._fields._precision import exact
from ._linear._steerable import Steerable

__all__ = ["spectral_norm"]


def spectral_norm(layer: Steerable, n_power_iterations: int = 1, eps: float = 1e-12) -> Steerable:
    """Divide the filter of a layer by its spectral norm, at each call; the counterpart of torch's.

    The norm is the largest singular value of the filter as a matrix (out, in * kernel), as
    `torch.nn.utils.parametrizations.spectral_norm` takes it of a convolution of torch. That function on the
    coefficients of a steerable layer divides them by their length, which says nothing about the filter. As filters are
    linear in the coefficients, these are divided by the norm of the filter, and the layer stays steerable.

    A linear map then lengthens no vector. A convolution, also with a stride, transposed or in groups, with zeros or
    circular padding, lengthens no feature map by more than the square root of the number of points of its kernel, since
    each pixel is read that many times at most. The bias is left as it is.

    It is a parametrization of `weight`: in training the norm is estimated by power iteration, from below, whose vector
    is a buffer and so in the state dict; in evaluation, where torch takes the last estimate, it is computed exactly.
    `steer.export` writes out the divided filter, and `torch.nn.utils.parametrize.remove_parametrizations(layer,
    "weight")` takes it off.

    Args:
        layer: a convolution or a linear map; it is changed in place.
        n_power_iterations: steps of the power iteration at each call in training.
        eps: least norm to divide by.

    Returns:
        The layer itself.

    Raises:
        FieldTypeError: the layer has no coefficients.
        SteerError: no positive number of steps, or eps that is none; coefficients that a hook of torch makes already.

    Source:
        Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("D4", dim=2)
        >>> t = nn.FieldType(G, 2 * [G.regular])
        >>> layer = nn.utils.spectral_norm(nn.Conv2d(t, t, 3)).eval()
        >>> norm = torch.linalg.matrix_norm(layer.filter().flatten(1), 2)
        >>> bool((norm - 1).abs() < 1e-5)
        True
    """
    if not isinstance(layer, Steerable):
        raise FieldTypeError(
            f"layer: expected a layer with coefficients such as nn.Conv2d, got {type(layer).__name__}; for a layer of "
            f"torch use torch.nn.utils.parametrizations.spectral_norm"
        )
    require_count("n_power_iterations", n_power_iterations, SteerError, 1)
    if not is_real(eps) or not eps > 0:
        raise SteerError(f"eps: expected a positive number, got {eps!r}")
    if "weight" not in layer._parameters and not parametrize.is_parametrized(layer, "weight"):
        raise SteerError(
            "layer: its weight is made by a hook, of pruning or of an older norm of torch; take that off first, as by "
            "torch.nn.utils.prune.remove(layer, 'weight')"
        )
    parametrize.register_parametrization(layer, "weight", _SpectralNorm(layer, n_power_iterations, float(eps)))
    return layer


class _SpectralNorm(torch.nn.Module):
    """Coefficients divided by the spectral norm of their filter."""

    vector: torch.Tensor

    def __init__(self, layer: Steerable, steps: int, eps: float) -> None:
        super().__init__()
        self.plan, self.out_axis = layer.plan, layer.out_axis
        self.steps, self.eps = steps, eps
        self._kept = Kept()
        with torch.no_grad():
            matrix = self._matrix(layer.weight)
            self.register_buffer("vector", torch.nn.functional.normalize(torch.randn_like(matrix[:, 0]), dim=0))
            self._iterate(matrix, 15)  # as many as torch starts with

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """(num_weights,) from (num_weights,)."""
        norm = self._estimate(weight) if self.training else self._kept.of(weight, self._exact)
        return weight / norm.clamp_min(self.eps).to(weight.dtype)

    def right_inverse(self, weight: torch.Tensor) -> torch.Tensor:
        """(num_weights,) from (num_weights,): what to keep when the coefficients are set."""
        return weight

    def _matrix(self, weight: torch.Tensor) -> torch.Tensor:
        """(out, in * kernel), in single precision at least."""
        with exact(weight.device):
            wide = weight.to(torch.promote_types(weight.dtype, torch.float32))
            return self.plan.expand(wide).movedim(self.out_axis, 0).flatten(1)

    def _exact(self, weight: torch.Tensor) -> torch.Tensor:
        with exact(weight.device):
            found: torch.Tensor = torch.linalg.matrix_norm(self._matrix(weight), 2)
        return found

    def _estimate(self, weight: torch.Tensor) -> torch.Tensor:
        with exact(weight.device):
            matrix = self._matrix(weight)
            with torch.no_grad():
                left, right = self._iterate(matrix, self.steps)
            return torch.dot(left, torch.mv(matrix, right))

    def _iterate(self, matrix: torch.Tensor, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Singular vectors (out,), (in * kernel,) of the largest singular value, nearly; the first is kept."""
        left = self.vector.to(matrix.dtype)
        right = torch.nn.functional.normalize(torch.mv(matrix.T, left), dim=0)
        for _ in range(steps):
            left = torch.nn.functional.normalize(torch.mv(matrix, right), dim=0)
            right = torch.nn.functional.normalize(torch.mv(matrix.T, left), dim=0)
        self.vector.copy_(left)
        return left, right


def __dir__() -> list[str]:
    return sorted(__all__)
