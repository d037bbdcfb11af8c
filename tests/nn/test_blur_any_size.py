"""BlurPool with padding="same": outputs about the centre for maps of all sizes."""

import itertools

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import KernelError
from steer.testing import assert_equivariant

D4 = steer.group("D4", dim=2)
KIND = nn.FieldType(D4, [D4.trivial, D4.vector])


@pytest.mark.parametrize(("edge", "stride"), [(4, 2), (3, 2), (2, 2), (5, 3), (8, 4), (3, 1)])
def test_exact_for_all_sizes_and_a_gaussian_about_each_output(edge, stride):
    pool = nn.BlurPool(KIND, edge, stride, padding="same").double()
    plain = steer.export(pool)
    for n, m in itertools.product((1, 2, 3, 4, 7, 8), (1, 5, 6)):
        x = torch.randn(1, KIND.size, n, m, dtype=torch.float64)
        out = pool(x)
        assert out.shape[2:] == (-(-n // stride), -(-m // stride))
        torch.testing.assert_close(out, torch.einsum("nkyx,py,qx->nkpq", x, matrix(pool, n), matrix(pool, m)))
        torch.testing.assert_close(plain(x), out)
        assert nn.grid_loss(pool, (n, m)) is None
        assert_equivariant(pool, x)


def matrix(pool, n):
    """(outputs, n): Gaussians about positions a stride apart, of the taps within the kernel, which sum to 1."""
    stride, edge = pool.stride[0], pool.kernel_size[0]
    count = -(-n // stride)
    where = (n - 1) / 2 + stride * (np.arange(count) - (count - 1) / 2)
    samples = np.arange(-edge - stride, n + edge + stride)
    distance = samples - where[:, None]
    inside = np.abs(distance) <= (edge + (edge - 1 + round(2 * where[0])) % 2 - 1) / 2
    weights = np.where(inside, np.exp(-(distance**2) / 2 / pool.sigma**2), 0)
    weights /= weights.sum(1, keepdims=True)
    return torch.from_numpy(weights[:, (samples >= 0) & (samples < n)])


def test_where_the_size_fits_it_is_the_pool_with_a_border():
    x = torch.randn(2, KIND.size, 8, 12)
    same, fixed = nn.BlurPool(KIND, 4, padding="same"), nn.BlurPool(KIND, 4, padding=1)
    assert torch.equal(same(x), fixed(x))


def test_in_space_with_gradients_as_without():
    group = steer.group("Oh", dim=3)
    pool = nn.BlurPool(nn.FieldType(group, [group.trivial]), padding="same", spacing=(3, 1, 1)).double()
    x = torch.randn(2, 1, 3, 5, 6, dtype=torch.float64)
    assert pool(x).shape[2:] == (3, 3, 3)
    torch.testing.assert_close(pool(x.clone().requires_grad_()), pool(x))


def test_bad_paddings():
    with pytest.raises(KernelError, match="padding: expected an integer, one for each axis, or 'same', got 'valid'"):
        nn.BlurPool(KIND, padding="valid")
    with pytest.raises(KernelError, match="padding: 'same' needs a kernel that reaches from output to output"):
        nn.BlurPool(KIND, 1, 2, padding="same")
