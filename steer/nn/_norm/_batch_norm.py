"""Batch normalisation for fields of any orthogonal representation."""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch.nn.modules.batchnorm import _BatchNorm

from ..._values import is_real, require_flag
from ...errors import ShapeError, SteerError
from .._engine._arguments import require_eps
from .._engine._layout import merge, split
from .._engine._module import Module
from .._engine._processes import Processes
from .._fields._precision import exact
from .._fields._types import FieldType
from ._normalize import Statistics, normalize


class _LacksChannelsError(SteerError, AttributeError):
    """What is asked for is of layers that normalise channels."""


class _OfTorch(_BatchNorm):
    """What torch's tools find batch normalisation by, with nothing made yet."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)


class BatchNorm(Module, _OfTorch):
    """Batch normalisation: y = gamma (x - mu) / sqrt(var + eps) + beta, one gamma and one var for each field.

    One formula for every orthogonal representation. mu is the mean over the batch and space, projected on the invariant
    vectors of the representation; var is the mean of (x - mu)^2 over the batch, space and the components of the field;
    beta is a learned invariant vector. So a regular or quotient field has one mean and variance over all its
    components, trivial fields are treated as by `torch.nn.BatchNorm2d`, and a non-trivial irrep has no mean but a mean
    square.

    With `sync` the batch is that of all processes in training, as by `torch.nn.SyncBatchNorm`: outputs, gradients and
    running statistics are those of one process on the whole batch. Each process may hold another number of samples, or
    none. One exchange of a short vector forward, and one backward; on any device that the processes can reduce on.
    Without an initialised process group, or with one process, `sync` changes nothing.

    It is an instance of `torch.nn.modules.batchnorm._BatchNorm`, by which `torch.optim.swa_utils.update_bn`,
    `torch.func.replace_all_batch_norm_modules_`, and loops that freeze statistics find it; it has
    `reset_running_stats()` and `reset_parameters()`. Its statistics and weights are those of fields, not of channels,
    so that what would put a layer of torch in its place, which asks for `num_features`, is refused.

    Args:
        in_type: type of the input and output.
        eps: added to the variance.
        momentum: weight of the newest batch in the running statistics; None for their plain average over batches.
        affine: whether to learn `weight` (number of fields) and `bias` (number of invariants, coordinates in the basis
            `in_type.invariants`).
        track_running_stats: whether to keep `running_mean` (number of invariants), `running_var` (number of fields) and
            `num_batches_tracked` and use them in evaluation mode.
        sync: whether the processes of `torch.distributed` share their statistics in training; an attribute that may be
            set later. See `convert_sync_batchnorm` for processes of one group.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        SteerError: eps or momentum out of range.
        ShapeError: a training batch with one value for a trivial field, whose variance is undefined.

    Source:
        Ioffe, Szegedy 2015, "Batch Normalization"; Weiler, Cesa 2019 for fields.
    """

    weight: torch.nn.Parameter | None  # type: ignore[assignment] # torch's stubs leave out None
    bias: torch.nn.Parameter | None  # type: ignore[assignment]
    running_mean: torch.Tensor | None
    running_var: torch.Tensor | None
    num_batches_tracked: torch.Tensor | None
    __constants__: ClassVar[list[str]] = []  # type: ignore[misc] # torch's names `num_features`

    def __init__(
        self,
        in_type: FieldType,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        sync: bool = False,
    ) -> None:
        super().__init__(in_type, in_type)
        require_eps(eps)
        affine = require_flag("affine", affine, SteerError)
        track_running_stats = require_flag("track_running_stats", track_running_stats, SteerError)
        if momentum is not None and not (is_real(momentum) and 0 <= momentum <= 1):
            raise SteerError(
                f"momentum: expected a number between 0 and 1, or None for a plain average, got {momentum!r}"
            )
        self.eps, self.momentum, self.affine, self.track_running_stats = eps, momentum, affine, track_running_stats
        self.sync = sync
        self.processes = Processes()
        self.statistics = Statistics(in_type)
        sizes = {rep.size for rep in in_type}
        # torch's kernel computes the same for fields of one size with the invariant (1, ..., 1) each
        fields, invariants = len(in_type), in_type.num_invariants
        ones = invariants == fields and bool((abs(in_type.invariant_rows[1].sum(1) - 1) < 1e-12).all())
        self._shape = (len(in_type), sizes.pop()) if ones and len(sizes) == 1 else None
        self.weight = torch.nn.Parameter(torch.ones(fields)) if affine else None
        self.bias = torch.nn.Parameter(torch.zeros(invariants)) if affine else None
        self.register_buffer("running_mean", torch.zeros(invariants) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(fields) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def __getattr__(self, name: str) -> Any:
        if name == "num_features":  # an AttributeError, for those who only ask whether there is one
            raise _LacksChannelsError(
                "num_features: BatchNorm of steer has statistics and weights for fields, not for channels, so that a "
                "layer of torch cannot take its place; use steer.nn.convert_sync_batchnorm(model), which also converts "
                "those of torch, in place of that of torch.nn.SyncBatchNorm; .eval() and .requires_grad_(False) freeze "
                "it; steer.export(model) makes a torch.nn.BatchNorm of it; in_type.size is its number of channels"
            )
        return super().__getattr__(name)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        own = self.running_mean if self.weight is None else self.weight
        # as of torch, whose kernel takes half precision beside statistics in single
        mixed = x.dtype in (torch.float16, torch.bfloat16) and own is not None and own.dtype == torch.float32
        if own is None or x.dtype == own.dtype or mixed or torch.is_autocast_enabled(x.device.type):
            return
        raise ShapeError(
            f"x: BatchNorm has weights and statistics of {own.dtype}, got a tensor of {x.dtype}; convert one of them "
            f"with .to(dtype), or run under torch.autocast"
        )

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        self._require_statistics_of(x)
        count = x.numel() // self.in_type.size
        by_batch = self.training or self.running_mean is None
        if self.sync and self.training and self.processes.several:
            return self._by_batch(x, self.processes)
        if by_batch and count == 1 and self.statistics.has_whole:
            raise ShapeError(
                f"x: BatchNorm needs more than one value for each trivial field in training, got shape "
                f"{tuple(x.shape)}; use a larger batch, or .eval()"
            )
        if not by_batch or count == 0:
            return x if count == 0 else self._by_running(x)
        if self._shape is not None and self.momentum is not None:
            if self.training and self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
            mean, var = (self.running_mean, self.running_var) if self.training else (None, None)
            fields = split(x, *self._shape)
            return merge(F.batch_norm(fields, mean, var, self.weight, self.bias, True, self.momentum, self.eps))
        return self._by_batch(x)

    def _require_statistics_of(self, x: torch.Tensor) -> None:
        """Refuse to update statistics in a `torch.func` transform that does not know of them, before any is changed."""
        running = self.running_mean
        if not self.training or running is None or torch.compiler.is_compiling():
            return
        seen = [x, *(() if self.weight is None or self.bias is None else (self.weight, self.bias))]
        if any(map(_is_transformed, seen)) and not _is_transformed(running):
            raise SteerError(
                "x: BatchNorm in training cannot update its running statistics inside a torch.func transform; call "
                "eval(), build it with track_running_stats=False, drop the statistics by "
                "torch.func.replace_all_batch_norm_modules_(model), or pass them in: "
                "torch.func.functional_call(model, (parameters, buffers), x)"
            )

    def _by_running(self, x: torch.Tensor) -> torch.Tensor:
        with exact(x.device):
            mean, var, weight, bias = self._running()
        return F.batch_norm(x, mean, var, weight, bias, False, 0.0, self.eps)

    def _running(self) -> tuple[torch.Tensor, ...]:
        """Mean, variance, weight and bias of each channel."""
        if self.running_mean is None or self.running_var is None:
            raise SteerError(
                "track_running_stats: this BatchNorm keeps no running statistics to export; "
                "build it with track_running_stats=True"
            )
        statistics, (weight, bias) = self.statistics, self._affine(self.running_var)
        mean, var = statistics.vector(self.running_mean), statistics.spread(self.running_var)
        return mean, var, statistics.spread(weight), statistics.vector(bias)

    def _affine(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`weight` and `bias`, or what does nothing."""
        weight = like.new_ones(len(self.in_type)) if self.weight is None else self.weight
        bias = like.new_zeros(self.in_type.num_invariants) if self.bias is None else self.bias
        return weight, bias

    def _by_batch(self, x: torch.Tensor, processes: Processes | None = None) -> torch.Tensor:
        wide = x.new_empty(0, dtype=torch.promote_types(x.dtype, torch.float32))
        with exact(x.device):
            out, moments = normalize(x, *self._affine(wide), self.statistics, self.eps, processes)
        if self.training:
            self._track(moments.coordinates.detach(), moments.var.detach(), moments.total)
        return out

    @torch.no_grad()
    def _track(self, coordinates: torch.Tensor, var: torch.Tensor, count: int | torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        # one value in all processes together has variance 0, and nothing to divide by
        unbiased = var / (1 - self.statistics.constant("taken", var) / count).clamp_min(torch.finfo(var.dtype).tiny)
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        for running, new in ((self.running_mean, coordinates), (self.running_var, unbiased)):
            running.lerp_(new.to(running.dtype), share)

    def _export(self) -> torch.nn.Module:
        kind = {2: torch.nn.BatchNorm2d, 3: torch.nn.BatchNorm3d}.get(self.in_type.group.dim, torch.nn.BatchNorm1d)
        mean, var, weight, bias = (value.detach() for value in self._running())
        out = kind(self.in_type.size, self.eps, self.momentum, self.affine).to(device=mean.device, dtype=mean.dtype)
        with torch.no_grad():
            for target, source in (
                (out.running_mean, mean),
                (out.running_var, var),
                (out.weight, weight),
                (out.bias, bias),
            ):
                if target is not None:
                    target.copy_(source)
        # The exported module serves points and vectors as well as feature maps: in place of torch's check of the number
        # of axes stands a function that pickles without this package, and does nothing.
        out.__dict__["_check_input_dim"] = torch.is_tensor
        if out.num_batches_tracked is not None and self.num_batches_tracked is not None:
            out.num_batches_tracked.copy_(self.num_batches_tracked)
        return out

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        sync = ", sync=True" if self.sync else ""
        return (
            f"{super().extra_repr()}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}{sync}"
        )


def _is_transformed(x: torch.Tensor) -> bool:
    """Whether x stands for many tensors, or is one that is differentiated, of `torch.func`."""
    return torch._C._functorch.is_batchedtensor(x) or torch._C._functorch.is_gradtrackingtensor(x)


def convert_sync_batchnorm(model: torch.nn.Module, process_group: Any = None) -> torch.nn.Module:
    """Make every batch normalisation of a model take the statistics of all processes in training.

    `BatchNorm` gets its `sync` set; in place of torch's own come those of
    `torch.nn.SyncBatchNorm.convert_sync_batchnorm`, which refuses models that contain a `BatchNorm` of steer.

    Args:
        model: any module that contains some; it is changed in place.
        process_group: of `torch.distributed`, the processes that share statistics; all of them when None. Modules with
            a group of their own can be copied, but not pickled.

    Returns:
        The model itself; for a batch normalisation of torch the one in its place.

    Raises:
        SteerError: not a module.
    """
    if not isinstance(model, torch.nn.Module):
        raise SteerError(f"model: expected a torch.nn.Module, got {model!r}")
    return _synced(model, process_group, {})


def _synced(
    module: torch.nn.Module, process_group: Any, done: dict[torch.nn.Module, torch.nn.Module]
) -> torch.nn.Module:
    if module in done:
        return done[module]
    done[module] = module
    if isinstance(module, BatchNorm):
        module.sync, module.processes = True, Processes(process_group)
    elif isinstance(module, _BatchNorm):
        done[module] = torch.nn.SyncBatchNorm.convert_sync_batchnorm(module, process_group)  # type: ignore[no-untyped-call]
    for name, child in module._modules.items():
        if child is not None:
            module._modules[name] = _synced(child, process_group, done)
    return done[module]
