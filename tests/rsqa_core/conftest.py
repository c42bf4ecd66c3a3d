from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Keep networks to one thread: tests run beside other work, and sums keep their order."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
