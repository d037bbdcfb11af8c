"""Training step and evaluation beside torch.nn on a GPU: float32, bfloat16, channels last, each eager and compiled.

Also the expansion captured in a CUDA graph, replayed after the coefficients have changed, beside the eager one.
"""

from typing import Any, Final

import torch
from items import Case, Network
from libraries import Plain
from measure import Bench, Figures, versus
from networks import build

MODES: Final = ("float32", "bf16", "channels_last")
WARM_UP_RUNS: Final = 3


class NoGpuError(RuntimeError):
    """A GPU was asked for and there is none."""


def figures(library: str, name: str, item: Case | Network, device: str, *, quick: bool) -> Figures:
    """`<mode>_<eager|compiled>_<figure of measure.versus>`, expansion in ms, and the error of the captured expansion.

    Convolutions use TF32 where torch does so by default.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise NoGpuError(
            f"torch {torch.__version__} sees no CUDA device here; leave --device out to measure on the CPU"
        )
    bench = Bench(library, name, item, quick=quick, device=device)
    plain = build(Plain(), name, item).to(device)
    found: Figures = {}
    if isinstance(item, Case):
        found |= bench.expansion()
        conv = bench.library.convolutions(bench.model)[0]
        if device == "cuda":
            found["captured_expand_error"] = captured_error(bench.library.filter, conv)
    layout = torch.channels_last if bench.x.dim() == 4 else torch.channels_last_3d
    for mode in MODES:
        x = bench.x.to(memory_format=layout) if mode == "channels_last" else bench.x
        for compiled in (False, True):
            torch._dynamo.reset()
            sides = [_Mode(module, mode, device, compiled, layout) for module in (bench.model, plain)]
            measured = versus(*sides, x, bench.budget, device)
            found |= {f"{mode}_{'compiled' if compiled else 'eager'}_{key}": value for key, value in measured.items()}
    return found


class _Mode(torch.nn.Module):
    """A module run in one mode."""

    def __init__(
        self, module: torch.nn.Module, mode: str, device: str, compiled: bool, layout: torch.memory_format
    ) -> None:
        super().__init__()
        if mode == "channels_last":
            module.to(memory_format=layout)
        self.module, self.mode, self.device = module, mode, device
        self._run = torch.compile(module) if compiled else module

    def forward(self, x: torch.Tensor) -> Any:
        with torch.autocast(self.device, torch.bfloat16, enabled=self.mode == "bf16"):
            return self._run(x)


def captured_error(expand: Any, conv: torch.nn.Module) -> float:
    """Largest difference of a captured expansion and the eager one, over the largest entry, after a change."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.no_grad(), torch.cuda.stream(side):
        for _ in range(WARM_UP_RUNS):  # libraries make their handles and workspaces outside of a capture
            expand(conv)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad():
        with torch.cuda.graph(graph):
            captured = expand(conv)
        for parameter in conv.parameters():
            parameter.normal_()
        graph.replay()
        eager = expand(conv)
    torch.cuda.synchronize()
    return float((captured - eager).abs().max() / eager.abs().max())
