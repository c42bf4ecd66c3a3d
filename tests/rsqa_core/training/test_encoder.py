"""Weights files of encoders, and the figures of an encoder that knows colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rsqa_core.encoders.captions import class_prompts
from rsqa_core.encoders.openclip import ImageFeatures, build_compact, load_compact
from rsqa_core.records import VOID
from rsqa_core.training.crops import LabelledScene
from rsqa_core.training.encoder import evaluate_encoder, save_encoder
from tests.rsqa_core.standins import ColourEncoder

CLASSES = ("Building", "Land", "Water")
COLOURS = np.array([[230, 40, 40], [40, 200, 60], [30, 60, 220]], dtype=np.uint8)


def scene(source: str = "real", seed: int = 0) -> LabelledScene:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 3, size=(4, 4)).astype(np.uint8)
    mask = np.kron(coarse, np.ones((32, 32), dtype=np.uint8))
    return LabelledScene(np.ascontiguousarray(COLOURS[mask].transpose(2, 0, 1)), mask, source)


def test_a_saved_encoder_sees_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model: Any = build_compact().eval()
    path = tmp_path / "encoder.safetensors"

    save_encoder(path, model)
    loaded = load_compact(path)

    values = sum(value.numel() for value in model.state_dict().values())
    assert path.stat().st_size < 2.5 * values  # half precision
    with torch.inference_mode():
        tokens = loaded._tokenize(["an aerial image of water"])
        before = model.encode_text(tokens, normalize=True)[0].numpy()
    after = loaded.encode_texts(["an aerial image of water"])[0]
    assert float(before @ after) > 0.999


class ColourReader(ColourEncoder):
    """Knows which colour each class has; ``wrong`` mistakes each class for the next."""

    DIM = 3

    def __init__(self, *, wrong: bool = False) -> None:
        super().__init__()
        self.wrong = wrong

    def encode_texts(self, texts: Any) -> NDArray[np.float32]:
        rows = []
        for text in texts:
            row = np.full(3, 1e-3)
            for k, name in enumerate(CLASSES):
                if any(text == prompt for prompt in class_prompts(name)):
                    row[(k + self.wrong) % 3] = 1.0
            rows.append(row / np.linalg.norm(row))
        return np.array(rows, dtype=np.float32)

    def _encode(self, rgb: NDArray[np.uint8]) -> ImageFeatures:
        strongest = np.eye(3, dtype=np.float32)[rgb.argmax(axis=0)]
        side = rgb.shape[1]
        grid = strongest.reshape(4, side // 4, 4, side // 4, 3).mean(axis=(1, 3))
        pooled = grid.mean(axis=(0, 1))
        return ImageFeatures(
            pooled / np.linalg.norm(pooled), grid / np.linalg.norm(grid, axis=-1, keepdims=True)
        )


def test_an_encoder_that_reads_colours_is_right_and_a_mistaken_one_wrong() -> None:
    right = evaluate_encoder(ColourReader(), [scene()], CLASSES)  # type: ignore[arg-type]
    wrong = evaluate_encoder(ColourReader(wrong=True), [scene()], CLASSES)  # type: ignore[arg-type]

    assert right["token_accuracy"] > 0.9
    assert right["dominant_accuracy"] > 0.9
    assert wrong["token_accuracy"] < 0.1
    assert wrong["dominant_accuracy"] < 0.1
    assert right["chance"] == wrong["chance"]
    assert 1 / 3 < right["chance"] < 0.8
    assert right["crops"] == 128


def test_unlabelled_crops_are_not_counted() -> None:
    half = scene()
    half.reference_mask[:, 64:] = VOID

    figures = evaluate_encoder(ColourReader(), [half], CLASSES)  # type: ignore[arg-type]

    assert 0 < figures["crops"] < 128
    assert figures["token_accuracy"] > 0.9
