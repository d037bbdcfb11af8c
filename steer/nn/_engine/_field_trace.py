"""A module of a user's own whose forward makes field tensors, as a graph of torch operations on plain ones."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import torch

from ...errors import FieldTypeError, SteerError
from .._fields._types import FieldTensor
from ._module import Module


def without_fields(module: torch.nn.Module) -> torch.fx.GraphModule | None:
    """The forward of a module on plain tensors, if field tensors are made in it or pass between its parts.

    The steer modules that it calls are those of `module`; what `forward` returns as fields are plain tensors.

    Returns:
        The graph; None for modules that pass plain tensors, and where there is no telling because `torch.fx` cannot
        trace the forward.

    Raises:
        SteerError: there are field tensors, but the forward cannot be traced.
    """
    if not _is_own(module):
        return None
    shared = {id(part): part for part in module.modules() if part is not module and not _is_own(part)}
    kept = {id(parameter): parameter for parameter in module.parameters()}
    before = torch.get_rng_state()
    tracer = _tracer()
    try:
        root = copy.deepcopy(module, {**shared, **kept})  # forward may set attributes
        signature = inspect.signature(type(root).forward).parameters
        none = {name: None for name, parameter in signature.items() if parameter.default is None}
        with torch.enable_grad():
            graph = tracer.trace(root, none or None)
        drawn = not torch.equal(before, torch.get_rng_state())
        held = [node.target for node in graph.nodes if node.op == "get_attr"]
        inner = [name for name in held if isinstance(root.get_submodule(name.rpartition(".")[0]), Module)]
        problem = "it draws random numbers" if drawn else f"it reads {inner[0]} of a layer" if inner else None
        error: Exception | None = None
    except Exception as found:  # torch.fx raises what its tensors cannot do, of many classes
        problem, error = str(found), found
    finally:
        torch.set_rng_state(before)
    # a part that fails is looked at by itself
    fields = tracer.uses_fields or (isinstance(error, FieldTypeError) and tracer.depth == 0)
    if not fields:
        return None
    if problem is not None:
        raise SteerError(
            f"model: the forward of {type(module).__name__} passes FieldTensors and cannot be traced by torch.fx "
            f"({problem}); pass plain tensors between the modules in it, f.tensor, or write it without branches on x "
            f"or its shape"
        ) from error
    return torch.fx.GraphModule(root, graph, class_name=type(module).__name__)


def _is_own(module: torch.nn.Module) -> bool:
    """Whether the forward of a module is a user's, or a chain of torch, which may contain such."""
    if isinstance(module, Module):
        return False
    return type(module) is torch.nn.Sequential or not type(module).__module__.startswith("torch.")


def _tracer() -> Any:
    """A tracer of modules that pass field tensors, which goes into those that have to do with fields."""

    class Stand(torch.fx.Proxy):
        def __mul__(self, other: Any) -> Any:  # as tensors do: the field knows how
            return NotImplemented if isinstance(other, FieldTensor) else torch.fx.Proxy.__dict__["__mul__"](self, other)

    class Tracer(torch.fx.Tracer):  # local, because graphs take tracers of global classes along when they are pickled
        proxy_buffer_attributes = True
        depth = 0
        uses_fields = False

        def proxy(self, node: torch.fx.Node) -> torch.fx.Proxy:
            return Stand(node, self)

        def note_field(self) -> None:
            self.uses_fields = self.uses_fields or self.depth == 0

        def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
            if not _is_own(m):
                return True
            return not any(isinstance(part, Module) for part in m.modules()) and not _makes_fields(m)

        def call_module(
            self, m: torch.nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Any:
            given = _has_fields((args, kwargs))
            if given:
                self.note_field()
            if isinstance(m, Module):
                if not given:
                    return super().call_module(m, forward, args, kwargs)
                args, kwargs = m._as_one(args, kwargs)
                m._require_field(args[0])
                plain = (args[0].tensor, *args[1:])
                return FieldTensor(super().call_module(m, forward, plain, kwargs), m.out_type)
            if isinstance(m, torch.nn.Identity) and given:
                return args[0]
            if given and not _is_own(m):
                raise FieldTypeError(f"x: {type(m).__name__} takes plain tensors, got a FieldTensor; pass f.tensor")
            if not given and self.is_leaf_module(m, ""):
                return super().call_module(m, forward, args, kwargs)
            self.depth += 1  # left as it is by an error, which is then one of the part
            out = forward(*args, **kwargs)
            self.depth -= 1
            if _has_fields(out):
                self.note_field()
            return out

        def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *rest: Any, **options: Any) -> Any:
            if _has_fields((args, kwargs)):
                raise FieldTypeError(f"{target}: takes plain tensors, got a FieldTensor; pass f.tensor")
            return super().create_proxy(kind, target, args, kwargs, *rest, **options)

        def create_arg(self, a: Any) -> Any:  # fields come here only as what the whole returns
            return super().create_arg(a.tensor if isinstance(a, FieldTensor) else a)

    return Tracer()


def _has_fields(values: Any) -> bool:
    leaves = torch.utils._pytree.tree_leaves(values, is_leaf=lambda value: isinstance(value, FieldTensor))
    return any(isinstance(leaf, FieldTensor) for leaf in leaves)


def _makes_fields(module: torch.nn.Module) -> bool:
    """Whether a module without steer modules makes field tensors of plain ones."""
    try:
        return without_fields(module) is not None
    except SteerError:
        return True
