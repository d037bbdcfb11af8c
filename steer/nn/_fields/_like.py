"""What a field tensor has of a tensor: it is looked at, copied, cast, moved and averaged over space as one."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import torch

from ..._names import missing
from ..._values import as_tuple, is_integer, require_flag
from ...errors import ShapeError
from ._tensor import is_stand_in


class TensorLike:
    """The properties and methods of a tensor (batch, channels, *space) that leave its channels what they are.

    Others belong to `tensor`: a maximum over channels, say, is no field, and a function of single channels none either.
    """

    tensor: torch.Tensor

    @abstractmethod
    def _same(self, tensor: torch.Tensor) -> Self:
        """The fields of the same type with another tensor."""

    @property
    def shape(self) -> torch.Size:
        """Shape of the tensor."""
        return self.tensor.shape

    @property
    def ndim(self) -> int:
        """Number of axes of the tensor."""
        return self.tensor.ndim

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the tensor."""
        return self.tensor.dtype

    @property
    def device(self) -> torch.device:
        """Device of the tensor."""
        return self.tensor.device

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to the tensor."""
        return self.tensor.requires_grad

    @property
    def grad(self) -> torch.Tensor | None:
        """Gradient of the tensor, a plain tensor (batch, type.size, ...)."""
        return self.tensor.grad

    def __len__(self) -> int:
        return len(self.tensor)

    def dim(self) -> int:
        """Number of axes of the tensor.

        Returns:
            As `torch.Tensor.dim`.
        """
        return self.tensor.dim()

    def size(self, dim: int | None = None) -> torch.Size | int:
        """Shape of the tensor, or its size along an axis.

        Args:
            dim: the axis; all when None.

        Returns:
            As `torch.Tensor.size`.

        Raises:
            IndexError: there is no such axis.
            ShapeError: `dim` is no integer.
        """
        if not (dim is None or is_integer(dim)):
            raise ShapeError(f"dim: expected an axis, an integer, got {dim!r}")
        return self.tensor.shape if dim is None else self.tensor.shape[dim]

    def numel(self) -> int:
        """Number of entries.

        Returns:
            As `torch.Tensor.numel`.
        """
        return self.tensor.numel()

    def numpy(self, *, force: bool = False) -> npt.NDArray[Any]:
        """The entries as an array, without the type.

        Args:
            force: also of tensors with gradients and on other devices, by a copy.

        Returns:
            (batch, channels, *space).

        Raises:
            RuntimeError: the tensor has gradients, and `force` is not set.
            TypeError: it is on another device, and `force` is not set.
        """
        found: npt.NDArray[Any] = np.asarray(self.tensor.numpy(force=force))
        return found

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The same field in another floating dtype or on another device.

        Args:
            *args: those of `torch.Tensor.to`.
            **kwargs: those of `torch.Tensor.to`.

        Returns:
            The field (batch, type.size, ...).

        Raises:
            ShapeError: the dtype is not floating-point.
        """
        return self._same(self.tensor.to(*args, **kwargs))

    def cpu(self) -> Self:
        """The same field on the CPU.

        Returns:
            The field (batch, type.size, ...).
        """
        return self._same(self.tensor.cpu())

    def cuda(self, device: torch.device | int | str | None = None) -> Self:
        """The same field on a CUDA device.

        Args:
            device: which; the current one when None.

        Returns:
            The field (batch, type.size, ...).

        Raises:
            RuntimeError: there is no such device.
        """
        return self._same(self.tensor.cuda(device))

    def double(self) -> Self:
        """The same field in float64.

        Returns:
            The field (batch, type.size, ...).
        """
        return self._same(self.tensor.double())

    def float(self) -> Self:
        """The same field in float32.

        Returns:
            The field (batch, type.size, ...).
        """
        return self._same(self.tensor.float())

    def half(self) -> Self:
        """The same field in float16.

        Returns:
            The field (batch, type.size, ...).
        """
        return self._same(self.tensor.half())

    def bfloat16(self) -> Self:
        """The same field in bfloat16.

        Returns:
            The field (batch, type.size, ...).
        """
        return self._same(self.tensor.bfloat16())

    def clone(self) -> Self:
        """A copy, through which gradients flow.

        Returns:
            The field (batch, type.size, ...).
        """
        return self._same(self.tensor.clone())

    def contiguous(self) -> Self:
        """The same field in one piece of memory.

        Returns:
            The field (batch, type.size, ...).
        """
        return self._same(self.tensor.contiguous())

    def detach(self) -> Self:
        """The same field without its history of gradients.

        Returns:
            The field (batch, type.size, ...).
        """
        return self._same(self.tensor.detach())

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let gradients flow to the tensor, or not.

        Args:
            requires_grad: whether.

        Returns:
            This field.

        Raises:
            RuntimeError: the tensor is the result of operations that gradients flow through.
        """
        self.tensor.requires_grad_(requires_grad)
        return self

    def mean(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> "Self | torch.Tensor":
        """The mean over axes: fields again while it is over space, a plain tensor where batch or channels are in it.

        Args:
            dim: an axis or several; all when None.
            keepdim: whether the axes stay, with size 1.

        Returns:
            A field of the same type for axes of space, ``f.mean((2, 3))`` is (batch, type.size); otherwise a tensor.

        Raises:
            ShapeError: there is no such axis.
        """
        return self._reduced(torch.mean, dim, keepdim)

    def sum(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> "Self | torch.Tensor":
        """The sum over axes: fields again while it is over space, a plain tensor where batch or channels are in it.

        Args:
            dim: an axis or several; all when None.
            keepdim: whether the axes stay, with size 1.

        Returns:
            A field of the same type for axes of space, ``f.sum((2, 3))`` is (batch, type.size); otherwise a tensor.

        Raises:
            ShapeError: there is no such axis.
        """
        return self._reduced(torch.sum, dim, keepdim)

    def _reduced(self, reduce: Any, dim: int | Sequence[int] | None, keepdim: bool) -> "Self | torch.Tensor":
        if dim is None:
            out: torch.Tensor = reduce(self.tensor)
            return out
        axes = (dim,) if is_integer(dim) else as_tuple("dim", dim, ShapeError, "an axis, or several")
        require_flag("keepdim", keepdim, ShapeError)
        if is_stand_in(self.tensor) and axes and all(is_integer(axis) and axis > 1 for axis in axes):
            return self._same(reduce(self.tensor, axes, keepdim))
        rank = self.ndim
        if not all(is_integer(axis) and -rank <= axis < rank for axis in axes):
            raise ShapeError(f"dim: expected axes of a tensor of shape {tuple(self.shape)}, got {dim!r}")
        out = reduce(self.tensor, axes, keepdim)
        return self._same(out) if axes and all(axis % rank > 1 for axis in axes) else out

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            owner = type(self).__name__
            if hasattr(torch.Tensor, name) and not name.startswith("_"):
                raise AttributeError(
                    f"{owner} has no attribute {name!r}, which may mix the channels of a field; for the plain tensor "
                    f"take f.tensor.{name}"
                )
            raise missing(owner, name, dir(type(self)))
