"""What the libraries need to be compared in float64."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _double():
    # e3nn computes its generators in the default dtype
    torch.set_default_dtype(torch.float64)
