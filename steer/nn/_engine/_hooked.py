"""Parameters that hooks of torch make of others before each call: pruning, norms of weights, parametrizations."""

from collections.abc import Callable
from typing import cast

import torch
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm, remove_spectral_norm
from torch.nn.utils.weight_norm import WeightNorm, remove_weight_norm

from ...errors import SteerError


def renew(module: torch.nn.Module) -> None:
    """Make the parameters of one module again: they may be of another dtype or device, or of values before a step."""
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, prune.BasePruningMethod):
            setattr(module, hook._tensor_name, hook.apply_mask(module))  # type: ignore[no-untyped-call]
        elif isinstance(hook, WeightNorm):
            setattr(module, hook.name, hook.compute_weight(module))
        elif isinstance(hook, SpectralNorm):
            setattr(module, hook.name, hook.compute_weight(module, do_power_iteration=False))


def bake(model: torch.nn.Module) -> None:
    """Keep what hooks and parametrizations make as parameters, in the whole of a model, and take these off."""
    for part in list(model.modules()):
        for remove, name in [found for hook in part._forward_pre_hooks.values() for found in _removal(hook)]:
            remove(part, name)
        if parametrize.is_parametrized(part):
            _bake_parametrized(part)
        # removals leave some of what they have to do with state dicts, which then do not load, nor modules pickle
        for hooks in (part._state_dict_hooks, part._load_state_dict_pre_hooks):
            for key, hook in list(hooks.items()):
                if getattr(getattr(hook, "hook", hook), "__module__", "").startswith("torch.nn.utils."):
                    del hooks[key]


def _removal(hook: object) -> list[tuple[Callable[[torch.nn.Module, str], object], str]]:
    """What takes a hook of torch off, with the name that it needs; of other hooks nothing."""
    if isinstance(hook, prune.BasePruningMethod):
        return [(prune.remove, hook._tensor_name)]
    if isinstance(hook, WeightNorm):
        return [(remove_weight_norm, hook.name)]
    return [(remove_spectral_norm, hook.name)] if isinstance(hook, SpectralNorm) else []


def _bake_parametrized(part: torch.nn.Module) -> None:
    # that of torch deletes a property of the class, which the model that `part` is copied from shares
    lists = cast(torch.nn.ModuleDict, part._modules["parametrizations"])
    made = {name: getattr(part, name).detach() for name in lists}
    del part._modules["parametrizations"]
    part.__class__ = type(part).__bases__[0]
    for name, value in made.items():
        learnt = any(parameter.requires_grad for parameter in lists[name].parameters(recurse=False))
        if list(lists[name].parameters(recurse=False)):
            part.register_parameter(name, torch.nn.Parameter(value, learnt))
        else:
            part.register_buffer(name, value)


def made_tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Attributes that belong to a graph, as what hooks make does, and which torch does not copy, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, torch.Tensor) and value.grad_fn is not None
    }


def require_own(module: torch.nn.Module, name: str) -> None:
    """Refuse to set a parameter that is made of others, which nothing would come of.

    Raises:
        SteerError: says how to take off what makes it.
    """
    if name not in module._parameters:
        raise SteerError(
            f"{name}: {type(module).__name__} has none of its own: it is made at each call, by pruning, a norm or a "
            f"parametrization; take that off first, by torch.nn.utils.prune.remove or "
            f"torch.nn.utils.parametrize.remove_parametrizations"
        )
