"""The libraries that are measured, behind one small interface: `Steer`, `Escnn` and `Plain` torch.

Each class imports its library when it is made, so a Python without the others can run it. A "type" is what the library
calls one; for plain torch it is a number of channels.
"""

import importlib.util
import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

import torch
from items import field_size

Kinds = Sequence[tuple[str, int]]
"""(representation, how many) in the order of the channels."""

SIGMA: Final = 0.66
"""Standard deviation, in pixels, of the filter before subsampling; its edge is 5."""


class Library(ABC):
    """What layers and networks are made with; the defaults are those of a library that works on plain tensors."""

    name: ClassVar[str]
    version: str
    conv_classes: dict[int, type[torch.nn.Module]]
    """Convolutions of the plane and of space."""
    chain_class: type[torch.nn.Module]
    """Runs modules one after the other."""

    @abstractmethod
    def fields(self, group: str, dim: int, kinds: Kinds) -> Any:
        """A type with these fields."""

    @abstractmethod
    def like(self, of: Any, kinds: Kinds) -> Any:
        """A type with these fields, of the group of another type."""

    @abstractmethod
    def conv(
        self, source: Any, target: Any, kernel: int, *, padding: int = 0, stride: int = 1, bias: bool = True
    ) -> torch.nn.Module:
        """A convolution."""

    @abstractmethod
    def norm(self, of: Any) -> torch.nn.Module:
        """Batch normalisation."""

    @abstractmethod
    def relu(self, of: Any) -> torch.nn.Module:
        """ReLU in place."""

    @abstractmethod
    def gate(self, of: Any) -> tuple[Any, torch.nn.Module, Any]:
        """(type to feed, module, type it gives): ELU of scalars, other fields times the sigmoid of a scalar each."""

    @abstractmethod
    def blur(self, of: Any, stride: int, padding: int) -> torch.nn.Module:
        """Gaussian filter with an edge of 5, then subsampling (plain: mean over the same windows)."""

    @abstractmethod
    def group_pool(self, of: Any) -> torch.nn.Module:
        """Largest component of each field (plain: nothing)."""

    @abstractmethod
    def restrict(self, of: Any, subgroup: str) -> tuple[torch.nn.Module, Any]:
        """The same features as a type of a subgroup, and that type."""

    @abstractmethod
    def filter(self, conv: Any) -> torch.Tensor:
        """The dense filter (out, in, *kernel), computed from the parameters; differentiable."""

    def wrap(self, x: torch.Tensor, of: Any) -> Any:
        """What the library's modules take."""
        return x

    def unwrap(self, x: Any) -> torch.Tensor:
        """The tensor in what the library's modules return."""
        return x

    def chain(self, modules: list[Any]) -> torch.nn.Module:
        """Modules one after the other."""
        return self.chain_class(*modules)

    def convolutions(self, model: torch.nn.Module) -> list[torch.nn.Module]:
        """All convolutions of a model."""
        return [module for module in model.modules() if isinstance(module, tuple(self.conv_classes.values()))]


class Steer(Library):
    """This library."""

    name = "steer"

    def __init__(self) -> None:
        import steer
        from steer import nn

        self.steer, self.nn = steer, nn
        for name in nn.__all__:  # layers load on first use, which is import, not construction
            getattr(nn, name)
        self.version = str(steer.__version__)
        self.conv_classes = {2: nn.Conv2d, 3: nn.Conv3d}
        self.chain_class = nn.Sequential

    def fields(self, group: str, dim: int, kinds: Kinds) -> Any:
        return self._type(self.steer.group(group, dim=dim), kinds)

    def like(self, of: Any, kinds: Kinds) -> Any:
        return self._type(of.group, kinds)

    def _type(self, act: Any, kinds: Kinds) -> Any:
        return self.nn.FieldType(act, [rep for kind, n in kinds for rep in n * [self._representation(act, kind)]])

    def _representation(self, act: Any, kind: str) -> Any:
        if kind in ("regular", "trivial"):
            return act.regular if kind == "regular" else act.trivial
        return act.irrep(kind)

    def conv(
        self, source: Any, target: Any, kernel: int, *, padding: int = 0, stride: int = 1, bias: bool = True
    ) -> torch.nn.Module:
        layer = self.conv_classes[source.group.dim]
        return layer(source, target, kernel, padding=padding, stride=stride, bias=bias)

    def norm(self, of: Any) -> torch.nn.Module:
        return self.nn.BatchNorm(of)

    def relu(self, of: Any) -> torch.nn.Module:
        return self.nn.ReLU(of, inplace=True)

    def gate(self, of: Any) -> tuple[Any, torch.nn.Module, Any]:
        module = self.nn.Gate(of, function="sigmoid", scalars=torch.nn.ELU())
        return module.in_type, module, module.out_type

    def blur(self, of: Any, stride: int, padding: int) -> torch.nn.Module:
        return self.nn.BlurPool(of, kernel_size=5, sigma=SIGMA, stride=stride, padding=padding)

    def group_pool(self, of: Any) -> torch.nn.Module:
        return self.nn.GroupPool(of)

    def restrict(self, of: Any, subgroup: str) -> tuple[torch.nn.Module, Any]:
        module = self.nn.Restrict(of, subgroup)
        return module, module.out_type

    def filter(self, conv: Any) -> torch.Tensor:
        return conv.filter()


class Escnn(Library):
    """The peer."""

    name = "escnn"
    spaces: Final = {
        # group: (function of escnn.gspaces, its arguments)
        "C8": ("rot2dOnR2", {"N": 8}),
        "C16": ("rot2dOnR2", {"N": 16}),
        "D8": ("flipRot2dOnR2", {"N": 8}),
        "SO(2)": ("rot2dOnR2", {"N": -1, "maximum_frequency": 6}),
        "O(2)": ("flipRot2dOnR2", {"N": -1, "maximum_frequency": 6}),
        "SO(3)": ("rot3dOnR3", {"maximum_frequency": 3}),
        "O(3)": ("flipRot3dOnR3", {"maximum_frequency": 3}),
        "O": ("octaOnR3", {}),
        "I": ("icoOnR3", {}),
    }
    """The maximum frequencies are those of the published measurement; the group makes its irreps up to them."""

    def __init__(self) -> None:
        import warnings

        warnings.filterwarnings("ignore")
        import escnn
        from escnn import gspaces, nn

        self.gspaces, self.nn = gspaces, nn
        self.version = str(escnn.__version__)
        self.conv_classes = {2: nn.R2Conv, 3: nn.R3Conv}
        self.chain_class = nn.SequentialModule

    @staticmethod
    def empty_cache() -> None:
        """Forget what earlier processes stored inside of the package; to be called before it is imported."""
        found = importlib.util.find_spec("escnn")
        if found is not None and found.origin is not None:
            shutil.rmtree(Path(found.origin).parent / "group" / "_cache" / "joblib", ignore_errors=True)

    def fields(self, group: str, dim: int, kinds: Kinds) -> Any:
        function, arguments = self.spaces[group]
        return self._type(getattr(self.gspaces, function)(**arguments), kinds)

    def like(self, of: Any, kinds: Kinds) -> Any:
        return self._type(of.gspace, kinds)

    def _type(self, act: Any, kinds: Kinds) -> Any:
        return self.nn.FieldType(act, [rep for kind, n in kinds for rep in n * [self._representation(act, kind)]])

    def _representation(self, act: Any, kind: str) -> Any:
        if kind in ("regular", "trivial"):
            return act.regular_repr if kind == "regular" else act.trivial_repr
        degree = int(kind.rstrip("+-eo"))
        if kind[-1] in "eo":
            return act.irrep("eo".index(kind[-1]), degree)
        if act.fibergroup.name == "O(2)":
            return act.irrep(0 if kind == "0+" else 1, degree)
        return act.irrep(degree)

    def conv(
        self, source: Any, target: Any, kernel: int, *, padding: int = 0, stride: int = 1, bias: bool = True
    ) -> torch.nn.Module:
        layer = self.conv_classes[source.gspace.dimensionality]
        return layer(source, target, kernel_size=kernel, padding=padding, stride=stride, bias=bias)

    def norm(self, of: Any) -> torch.nn.Module:
        if of.gspace.dimensionality == 3:
            return self.nn.IIDBatchNorm3d(of)
        return self.nn.InnerBatchNorm(of)

    def relu(self, of: Any) -> torch.nn.Module:
        return self.nn.ReLU(of, inplace=True)

    def gate(self, of: Any) -> tuple[Any, torch.nn.Module, Any]:
        act, nn = of.gspace, self.nn
        scalars = nn.FieldType(act, [rep for rep in of if rep.is_trivial()])
        tensors = nn.FieldType(act, [rep for rep in of if not rep.is_trivial()])
        gated = nn.FieldType(act, len(tensors) * [act.trivial_repr]) + tensors
        source = scalars + gated
        labels = len(scalars) * ["scalars"] + len(gated) * ["gated"]
        module = nn.MultipleModule(
            source, labels, [(nn.ELU(scalars), "scalars"), (nn.GatedNonLinearity1(gated), "gated")]
        )
        return source, module, module.out_type

    def blur(self, of: Any, stride: int, padding: int) -> torch.nn.Module:
        return self.nn.PointwiseAvgPoolAntialiased(of, sigma=SIGMA, stride=stride, padding=padding)

    def group_pool(self, of: Any) -> torch.nn.Module:
        return self.nn.GroupPooling(of)

    def restrict(self, of: Any, subgroup: str) -> tuple[torch.nn.Module, Any]:
        restriction = self.nn.RestrictionModule(of, (0, int(subgroup[1:])))
        split = self.nn.DisentangleModule(restriction.out_type)
        return self.nn.SequentialModule(restriction, split), split.out_type

    def wrap(self, x: torch.Tensor, of: Any) -> Any:
        return self.nn.GeometricTensor(x, of)

    def unwrap(self, x: Any) -> torch.Tensor:
        return x.tensor

    def filter(self, conv: Any) -> torch.Tensor:
        return conv.expand_parameters()[0]


class Channels(NamedTuple):
    """The type of a plain layer: number of channels, and of those fields that a gate would multiply."""

    group: str
    dim: int
    size: int
    gated: int = 0


class Plain(Library):
    """torch.nn, with the same channels, kernel sizes and strides."""

    name = "plain"
    version = str(torch.__version__)
    conv_classes: Final = {2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
    chain_class = torch.nn.Sequential

    def fields(self, group: str, dim: int, kinds: Kinds) -> Any:
        sizes = [field_size(group, dim, kind) for kind, count in kinds for _ in range(count)]
        return Channels(group, dim, sum(sizes), sum(size > 1 for size in sizes))

    def like(self, of: Any, kinds: Kinds) -> Any:
        return self.fields(of.group, of.dim, kinds)

    def conv(
        self, source: Any, target: Any, kernel: int, *, padding: int = 0, stride: int = 1, bias: bool = True
    ) -> torch.nn.Module:
        layer = self.conv_classes[source.dim]
        return layer(source.size, target.size, kernel, padding=padding, stride=stride, bias=bias)

    def norm(self, of: Any) -> torch.nn.Module:
        return {2: torch.nn.BatchNorm2d, 3: torch.nn.BatchNorm3d}[of.dim](of.size)

    def relu(self, of: Any) -> torch.nn.Module:
        return torch.nn.ReLU(inplace=True)

    def gate(self, of: Any) -> tuple[Any, torch.nn.Module, Any]:
        # The channels that would hold the gates stay: they are channels like the others.
        every = Channels(of.group, of.dim, of.size + of.gated)
        return every, self.relu(every), every

    def blur(self, of: Any, stride: int, padding: int) -> torch.nn.Module:
        return {2: torch.nn.AvgPool2d, 3: torch.nn.AvgPool3d}[of.dim](5, stride, padding)

    def group_pool(self, of: Any) -> torch.nn.Module:
        return torch.nn.Identity()

    def restrict(self, of: Any, subgroup: str) -> tuple[torch.nn.Module, Any]:
        return torch.nn.Identity(), of._replace(group=subgroup)

    def filter(self, conv: Any) -> torch.Tensor:
        weight: torch.Tensor = conv.weight
        return weight


LIBRARIES: Final[dict[str, type[Library]]] = {"steer": Steer, "escnn": Escnn, "plain": Plain}
