"""The plan: blocks tile their rectangle, frames keep lengths, zones and looks know each other."""

from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.scenes.look import Look
from rsqa_core.scenes.looks import LOOKS
from rsqa_core.scenes.noise import NoiseBank, octaves
from rsqa_core.scenes.plan import Block, Frame, split_blocks
from rsqa_core.scenes.water import _KINDS, Shore
from rsqa_core.scenes.zones import ZONES


def test_blocks_tile_the_whole() -> None:
    whole = Block(-300, -200, 300, 200)
    blocks, roads = split_blocks(np.random.default_rng(1), whole, 120.0)
    assert sum(b.width * b.depth for b in blocks) == pytest.approx(600 * 400)
    assert len(roads) == len(blocks) - 1


@pytest.mark.parametrize("layout", ["grid", "curved", "radial"])
def test_frames_nearly_keep_lengths(layout: str) -> None:
    frame = Frame(np.random.default_rng(3), layout, 400.0)
    u, v = np.random.default_rng(4).uniform(-120, 120, (2, 200))
    start = np.stack([u, v], 1)
    here = frame.points(start)
    for step in ((0.5, 0.0), (0.0, 0.5)):
        stretch = np.hypot(*(frame.points(start + np.array(step)) - here).T) / 0.5
        assert stretch.min() > 0.3
        assert stretch.max() < 1.9


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_looks_name_only_what_exists(look: Look) -> None:
    assert {name for name, _ in look.zones} <= set(ZONES)
    assert {name for name, _ in look.waters} <= set(_KINDS)
    assert {name for name, _ in look.layouts} <= {"grid", "curved", "radial"}
    assert {name for name, _ in look.roof_kinds} <= {"flat", "gable", "hip", "tin"}
    assert 0.1 <= look.gsd_m[0] < look.gsd_m[1] <= 2.0


@pytest.mark.parametrize("kind", [k for k in _KINDS if k not in {"none", "lake", "island"}])
def test_shores_have_land_and_water(kind: str) -> None:
    for seed in range(4):
        distance = Shore(np.random.default_rng(seed), kind, 300.0, 0.4).distance
        assert distance.dtype == np.float32
        assert (distance > 0).any()
        assert (distance < 0).any()


def test_noise_is_periodic_and_normalised() -> None:
    field = octaves(np.random.default_rng(0), 64)
    assert abs(float(field.mean())) < 1e-3
    assert float(field.std()) == pytest.approx(1.0, abs=1e-3)
    seam = np.abs(field[:, 0] - field[:, -1]).mean()
    inner = np.abs(np.diff(field, axis=1)).mean()
    assert seam < 2.5 * inner


def test_two_fields_of_a_bank_differ() -> None:
    bank = NoiseBank(np.random.default_rng(0), 64)
    assert not np.array_equal(bank.broad(), bank.broad())
