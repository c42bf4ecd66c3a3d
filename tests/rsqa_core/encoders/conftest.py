"""A hub on this machine, and a folder that encoders come to from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rsqa_core.encoders.fetching import Place
from tests.rsqa_core.serving import Site, serving


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({})) as running:
        yield running


@pytest.fixture
def place(site: Site, tmp_path: Path) -> Place:
    return Place(tmp_path / "encoders", site.address, wait_s=0)
