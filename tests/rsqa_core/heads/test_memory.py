"""A head with a memory predicts what it predicts without one, and asks its network once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rsqa_core.features.grids import CELL_SIDE
from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES
from rsqa_core.heads.card import HeadCard
from rsqa_core.heads.gating import GatedHead
from rsqa_core.heads.head import QualityHead
from rsqa_core.heads.inputs import HeadInputs, Places
from rsqa_core.heads.preparation import fit_preparation

PLACES = CELL_SIDE**2


def inputs_of(seed: int, count: int = 6) -> HeadInputs:
    random = np.random.default_rng(seed)

    def noise(*shape: int) -> np.ndarray:
        return random.random(shape, dtype=np.float32)

    return HeadInputs(
        noise(3, 40),
        noise(3, PLACES, 16),
        noise(count, len(FEATURE_NAMES)),
        noise(count, PLACES, len(CELL_NAMES)),
        np.arange(count, dtype=np.int64) % 3,
    )


def places_of(source: str, count: int = 6) -> Places:
    return Places(("i",) * count, (source,) * count, np.zeros((count, 2)), ("s",) * count)


def head() -> QualityHead:
    torch.manual_seed(0)
    preparation = fit_preparation(inputs_of(9), np.ones((2, 3), dtype=bool))
    card = HeadCard("e", "f", {"one": ("a",), "two": ("b",)}, (0, 1))
    return QualityHead(GatedHead(2, preparation.vector_inputs), preparation, card)


def test_it_predicts_the_same_and_asks_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = head()
    expected = plain.predict(inputs_of(1), places_of("a"), "f")

    first = plain.remembering(tmp_path).predict(inputs_of(1), places_of("a"), "f")
    again_head = head().remembering(tmp_path)
    monkeypatch.setattr(again_head, "member_cells", None)
    again = again_head.predict(inputs_of(1), places_of("a"), "f")

    for name in ("score", "low", "high", "spread", "cells"):
        np.testing.assert_array_equal(getattr(first, name), getattr(expected, name))
        np.testing.assert_array_equal(getattr(again, name), getattr(expected, name))


@pytest.mark.parametrize(("seed", "source"), [(2, "a"), (1, "b")])
def test_other_inputs_or_another_fold_are_not_confused(
    seed: int, source: str, tmp_path: Path
) -> None:
    remembering = head().remembering(tmp_path)
    remembering.predict(inputs_of(1), places_of("a"), "f")

    found = remembering.predict(inputs_of(seed), places_of(source), "f")

    expected = head().predict(inputs_of(seed), places_of(source), "f")
    np.testing.assert_array_equal(found.score, expected.score)
