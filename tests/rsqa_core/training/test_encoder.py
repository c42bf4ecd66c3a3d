"""Training the compact encoder: resuming, files, and figures of an encoder that knows colours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rsqa_core.encoders.captions import class_prompts
from rsqa_core.encoders.openclip import ImageFeatures, build_compact, load_compact
from rsqa_core.errors import CancelledError
from rsqa_core.records import VOID
from rsqa_core.training import checkpoint as checkpoint_module
from rsqa_core.training.crops import LabelledScene
from rsqa_core.training.encoder import (
    EncoderTraining,
    _majority,
    evaluate_encoder,
    save_encoder,
    train_encoder,
)
from tests.rsqa_core.standins import ColourEncoder

CLASSES = ("Building", "Land", "Water")
COLOURS = np.array([[230, 40, 40], [40, 200, 60], [30, 60, 220]], dtype=np.uint8)
TINY = EncoderTraining(steps=4, batch=4, side_px=64)


def scene(source: str = "real", seed: int = 0) -> LabelledScene:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 3, size=(4, 4)).astype(np.uint8)
    mask = np.kron(coarse, np.ones((32, 32), dtype=np.uint8))
    return LabelledScene(np.ascontiguousarray(COLOURS[mask].transpose(2, 0, 1)), mask, source)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_module, "EVERY_STEPS", 2)


@pytest.mark.usefixtures("often")
def test_a_stopped_training_goes_on_where_it_was(tmp_path: Path) -> None:
    path, steps = tmp_path / "run.pt", []

    def stopping(step: str, done: int, total: int) -> None:
        steps.append((done, total))
        if done == 3:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        train_encoder([scene()], CLASSES, TINY, checkpoint=path, progress=stopping)
    assert steps == [(1, 4), (2, 4), (3, 4)]
    assert torch.load(path, weights_only=True)["step"] == 2

    steps.clear()
    model = train_encoder(
        [scene()],
        CLASSES,
        TINY,
        checkpoint=path,
        progress=lambda step, done, total: steps.append((done, total)),
    )

    assert steps == [(3, 4), (4, 4)]
    assert not path.exists()
    assert not model.training


def test_training_moves_both_towers_and_uses_generated_scenes_too() -> None:
    short = replace(TINY, steps=2)

    model: Any = train_encoder([scene(), scene("generated", 1)], CLASSES, short)

    torch.manual_seed(short.seed)
    start = build_compact().state_dict()
    trained = model.state_dict()
    for key in ("visual.trunk.stem.conv.weight", "token_embedding.weight", "text_projection"):
        assert not torch.equal(start[key], trained[key]), key
        assert torch.isfinite(trained[key]).all()


def test_one_seed_gives_one_encoder() -> None:
    short = replace(TINY, steps=1, batch=2, side_px=32)
    first, second, other = (
        train_encoder([scene()], CLASSES, replace(short, seed=seed)).state_dict()
        for seed in (0, 0, 1)
    )

    assert torch.equal(first["text_projection"], second["text_projection"])
    assert not torch.equal(first["text_projection"], other["text_projection"])


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


def test_the_commonest_class_of_each_cell_by_hand() -> None:
    mask = torch.full((1, 4, 6), VOID)
    mask[0, :2, :2] = torch.tensor([[0, 1], [1, 1]])
    mask[0, :2, 2:4] = torch.tensor([[2, VOID], [VOID, VOID]])  # mostly unlabelled
    mask[0, :2, 4:] = torch.tensor([[2, 2], [VOID, VOID]])  # half is enough
    mask[0, 2:, :2] = 0

    cells = _majority(mask, (2, 3), 3)

    assert cells.tolist() == [[[1, VOID, 2], [0, VOID, VOID]]]


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
