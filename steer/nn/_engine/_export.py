"""The same network in plain torch."""

import copy

import torch

from ...errors import SteerError
from ._field_trace import without_fields
from ._hooked import bake, made_tensors
from ._module import Module, with_plain_parts


def export(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of the model in which every steer module is replaced by plain `torch.nn` modules with the same output.

    The copy is for inference, in evaluation mode: filters are expanded, statistics of fields spelled out for each
    channel. It can be pickled, saved and run where steer is not installed; cast to half precision or under autocast it
    is as right as the model. Convolutions, batch normalisation, pointwise functions and spatial pooling become the
    modules of `torch.nn` of those names; what torch lacks becomes a `torch.fx.GraphModule`, such as means over windows
    of volumes, which it cannot take in half precision on the CPU. Modules used in two places stay shared. What pruning,
    norms of weights and parametrizations of torch make of parameters is written out, in torch's own modules too.

    Args:
        model: a steer module, or any torch module that contains some. It is left as it is. Batch normalisation must
            keep running statistics.

    Returns:
        The copy: for a steer module a module of plain torch; otherwise of the model's own class. Modules of one's own
        in whose `forward` field tensors are made, or pass from part to part, become a `torch.fx.GraphModule` that takes
        and returns plain tensors, with the parts under their names.

    Raises:
        SteerError: not a module, a module of steer that has no plain form, or a `forward` with field tensors that
            `torch.fx` cannot trace, which branches on values or shapes.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> t = nn.FieldType(G, 2 * [G.regular])
        >>> plain = steer.export(nn.Sequential(nn.Conv2d(t, t, 3), nn.BatchNorm(t), nn.ReLU(t)))
        >>> [type(part).__name__ for part in plain]
        ['Conv2d', 'BatchNorm2d', 'ReLU']
    """
    if not isinstance(model, torch.nn.Module):
        raise SteerError(f"model: expected a torch.nn.Module, got {model!r}")
    made = [tensor for part in model.modules() for tensor in made_tensors(part).values()]
    copied = copy.deepcopy(model, {id(tensor): tensor.detach().clone() for tensor in made}).eval()
    with torch.no_grad():
        bake(copied)
    return _replace(copied, {}).eval()


def _replace(module: torch.nn.Module, done: dict[torch.nn.Module, torch.nn.Module]) -> torch.nn.Module:
    if module not in done:
        if isinstance(module, Module):
            done[module] = module._plain(lambda part: _replace(part, done))
        elif (graph := without_fields(module)) is not None:
            done[module] = with_plain_parts(graph, lambda part: _replace(part, done))
        else:
            done[module] = module  # before its children, which may contain it
            for name, child in module._modules.items():
                if child is not None:
                    module._modules[name] = _replace(child, done)
    return done[module]
