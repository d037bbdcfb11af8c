"""The figures of one item and one library, measured in this process; `worker.py` prints them."""

import gc
import time
from collections.abc import Callable
from typing import Final

import torch
from items import Case, Network
from libraries import LIBRARIES, Library, Plain
from networks import build
from timing import FULL, QUICK, Budget, buffers_mb, median, paired, peak_mb, repeated, settle_allocator, yardstick

Figures = dict[str, float]
"""Names end in their unit: _s seconds, _ms milliseconds, _mb 10^6 bytes; those of ratios are `a_over_b`."""

TRAINING_STEPS: Final = 2


def import_seconds(library: str) -> Figures:
    """Time of the first import of the library's layers, after torch."""
    start = time.perf_counter()
    LIBRARIES[library]()
    return {"import_s": time.perf_counter() - start}


class Bench:
    """An item built in this process, first thing after the imports.

    The time to build covers groups, types, kernels and initial coefficients. The peak of memory is that of the whole
    process after two training steps, before anything else is made.
    """

    def __init__(
        self, library: str, name: str, item: Case | Network, *, quick: bool = False, device: str = "cpu"
    ) -> None:
        self.library: Library = LIBRARIES[library]()
        self.name, self.item, self.device = name, item, device
        self.budget: Budget = QUICK if quick else FULL
        torch.manual_seed(0)
        self.x = torch.randn(item.shape).to(device)
        before = yardstick()
        gc.collect()
        start, start_cpu = time.perf_counter(), time.process_time()
        self.model = build(self.library, name, item)
        self.build_s, build_cpu = time.perf_counter() - start, time.process_time() - start_cpu
        self.model.to(device)
        self.build_over_yardstick = build_cpu / min(before, yardstick())
        if isinstance(item, Case) or item.trained:
            for _ in range(TRAINING_STEPS):
                step(self.model, self.x)
        self.peak_mb = peak_mb()

    def construction(self) -> Figures:
        """Time to build, memory and sizes."""
        with torch.no_grad():
            filters = [self.library.filter(conv).numel() for conv in self.library.convolutions(self.model)]
        return {
            "build_s": self.build_s,
            "build_over_yardstick": self.build_over_yardstick,
            "buffers_mb": buffers_mb(self.model),
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "filters_mb": 4 * sum(filters) / 1e6,
            "peak_mb": self.peak_mb,
        }

    def expansion(self) -> Figures:
        """Time from coefficients to the dense filter, and back for two cotangents: all ones, and random."""
        settle_allocator()
        conv = self.library.convolutions(self.model)[0]
        cotangent = torch.randn_like(self.library.filter(conv))

        def forward() -> torch.Tensor:
            return self.library.filter(conv)

        def backward() -> None:
            conv.zero_grad()
            forward().sum().backward()

        def dense_backward() -> None:
            conv.zero_grad()
            forward().backward(cotangent)

        runs: dict[str, Callable[[], object]] = {
            "expand_ms": forward,
            "expand_backward_ms": backward,
            "expand_backward_dense_ms": dense_backward,
        }
        share = Budget(self.budget.least, 10 * self.budget.most, self.budget.seconds / 3)
        return {name: 1e3 * median(repeated(run, share, self.device)) for name, run in runs.items()}

    def beside_plain(self) -> Figures:
        """Training step and evaluation beside the same layers of torch.nn."""
        plain = build(Plain(), self.name, self.item)
        found = versus(self.model, plain, self.x, self.budget)
        if isinstance(self.item, Case):
            found |= self.expansion()
            found["expand_backward_over_plain_step"] = found["expand_backward_ms"] / found["plain_step_ms"]
        return found

    def graph_breaks(self) -> Figures:
        """Graph breaks of torch.compile in evaluation with gradients."""
        import torch._dynamo

        explained = torch._dynamo.explain(self.model.eval())(self.x)
        return {"graph_breaks": explained.graph_break_count}


def step(module: torch.nn.Module, x: torch.Tensor) -> None:
    """One training step without the optimizer."""
    module.zero_grad()
    module(x).sum().backward()


def versus(
    model: torch.nn.Module, plain: torch.nn.Module, x: torch.Tensor, budget: Budget, device: str = "cpu"
) -> Figures:
    """Step and evaluation of two modules as interleaved pairs."""
    found: Figures = {}
    found["step_ms"], found["plain_step_ms"], found["step_over_plain"] = paired(
        lambda: step(model, x), lambda: step(plain, x), budget, device
    )
    model.eval(), plain.eval()
    with torch.no_grad():
        found["eval_ms"], found["plain_eval_ms"], found["eval_over_plain"] = paired(
            lambda: model(x), lambda: plain(x), budget, device
        )
    model.train(), plain.train()
    return {name: 1e3 * value if name.endswith("_ms") else value for name, value in found.items()}
