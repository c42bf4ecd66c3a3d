"""The arms of the ablation see what they should, and the table says what they gave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import purification
from benchmarks.purification import ARMS, Ablation, measure, run_arm, summary
from rsqa_core.training.crops import LabelledScene
from tests.rsqa_core.training.tiny import SIDE_PX, tiny_towers

CLASSES = ("Building", "Land", "Water")
QUICK = replace(
    Ablation(), pairs=40, held_out=30, side_px=SIDE_PX, steps=3, batch=4, learning_rate=1e-3
)


def scene(seed: int) -> LabelledScene:
    rng = np.random.default_rng(seed)
    mask = np.kron(rng.integers(0, 3, size=(8, 8)), np.ones((8, 8))).astype(np.uint8)
    return LabelledScene(np.stack([mask * 90, 250 - mask * 90, mask]).astype(np.uint8), mask, "x")


def test_every_arm_gives_figures_in_range_and_repeats() -> None:
    torch.set_num_threads(1)
    for arm in ARMS:
        first, same = (
            run_arm(arm, [scene(0)], [scene(1)], CLASSES, QUICK, 0, tiny_towers) for _ in range(2)
        )
        assert first == same
        assert all(0 <= value <= 1 for value in first.values())
        assert set(purification.FIGURES) <= set(first)
        outcomes = [first[name] for name in first if name.startswith("corrupted_")]
        assert sum(outcomes) == pytest.approx(1.0 if arm == "purified" else 0.0)


def test_the_arms_differ_in_pairs_and_captions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[Any]] = {}

    def note(towers: Any, pairs: Any, classes: Any, training: Any) -> list[Any]:
        seen[arm] = [(pair.entry.key, pair.caption) for pair in pairs]
        return []

    monkeypatch.setattr(purification, "train_contrastive", note)
    for arm in ("trusted", "all", "clean"):
        run_arm(arm, [scene(0)], [scene(1)], CLASSES, QUICK, 0, tiny_towers)

    assert set(seen["trusted"]) < set(seen["all"])
    assert [key for key, _ in seen["all"]] == [key for key, _ in seen["clean"]]
    wrong = [a != b for a, b in zip(seen["all"], seen["clean"], strict=True)]
    assert 0.25 < np.mean(wrong) < 0.55
    assert not any(wrong[: len(seen["trusted"])])


class Knowing:
    """Towers that read the commonest class off an image's first band and off a text's words."""

    def embed_images(self, pictures: Any, side_px: int, device: str) -> Any:
        means = np.array([np.bincount(p[0].ravel() // 90, minlength=3) for p in pictures])
        return np.eye(3)[means.argmax(axis=1)]

    def embed_texts(self, texts: Any, device: str) -> Any:
        from rsqa_core.encoders.captions import class_words

        first = [
            [min((text + word).index(word) for word in class_words(name)) for name in CLASSES]
            for text in texts
        ]
        return np.eye(3)[np.argmin(first, axis=1)]


def test_a_model_that_knows_the_commonest_class_tags_every_crop() -> None:
    towers: Any = Knowing()

    figures = measure(towers, [scene(seed) for seed in range(6)], CLASSES, QUICK)

    # Scaling blurs the bands at edges, so a near tie may fall to the other side.
    assert figures["tagging_accuracy"] > 0.8
    assert figures["tagging_class_mean"] > 0.8
    assert 1 / 3 <= figures["chance_tagging"] < 0.7


def test_the_table_gives_mean_spread_and_paired_gains() -> None:
    rows: list[dict[str, float | str]] = [
        {"arm": arm, "seed": seed, **dict.fromkeys(purification.FIGURES, value + seed / 10)}
        for arm, value in (("trusted", 0.5), ("all", 0.4), ("purified", 0.6))
        for seed in range(2)
    ]

    table = summary(rows)

    assert "| trusted | 0.550 ± 0.071 |" in table
    assert "| purified | 0.650 ± 0.071 |" in table
    assert "| purified - trusted, paired | +0.100 ± 0.000 |" in table
    assert "| purified - all, paired | +0.200 ± 0.000 |" in table
    assert "clean" not in table
