"""Who looks at the operations, beside those who want their result: compilers, tracers, forward-mode differentiation."""

import torch


def in_forward_mode() -> bool:
    """Whether derivatives are taken forwards: `torch.func.jvp`, `jacfwd`, `hessian`, `torch.autograd.forward_ad`.

    Autograd functions of one's own lose the second of two such derivatives, without a word: let torch see operations.
    """
    return torch.autograd.forward_ad._current_level >= 0


def inlined() -> bool:
    """Whether plain operations are to stand in for autograd functions: compilers derive what they fuse."""
    return torch.compiler.is_compiling() or in_forward_mode()


def recorded() -> bool:
    """Whether each operation is seen, by a compiler, forward mode, `make_fx`, fake tensors or another dispatch mode.

    What is seen may not write into tensors piece by piece: `torch.func.linearize` drops such writes, as other passes
    over graphs do. It may not depend on the size of a batch either.
    """
    return inlined() or torch._C._len_torch_dispatch_stack() > 0
