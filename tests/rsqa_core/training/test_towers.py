"""What pre-training starts from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rsqa_core.encoders.openclip import COMPACT, load_encoder
from rsqa_core.errors import InvalidInputError
from rsqa_core.training.towers import RANDOM, resized, start_towers
from tests.rsqa_core.training.tiny import tiny_towers


def test_an_encoder_that_the_loader_knows_is_trained_on_from_its_weights() -> None:
    encoder, towers = load_encoder(COMPACT), start_towers(COMPACT)
    texts = ["an aerial image of water"]
    picture = np.random.default_rng(0).integers(0, 256, size=(3, 50, 70)).astype(np.uint8)

    assert towers.side_px == encoder.preprocessing.size_px
    assert np.allclose(towers.embed_texts(texts, "cpu"), encoder.encode_texts(texts), atol=1e-6)
    ours = towers.embed_images([picture], towers.side_px, "cpu")[0]
    theirs = encoder.encode_images([picture])[0].pooled
    assert float(ours @ theirs) > 0.9999


def test_a_random_start_is_the_compact_model_and_repeats_by_its_seed() -> None:
    first, same, other = (start_towers(RANDOM, seed=seed).model.state_dict() for seed in (0, 0, 1))

    assert first.keys() == load_encoder(COMPACT)._model.state_dict().keys()
    assert torch.equal(first["text_projection"], same["text_projection"])
    assert not torch.equal(first["text_projection"], other["text_projection"])


def test_an_unknown_start_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no-such"):
        start_towers("no-such")


def test_pictures_of_any_size_are_squashed_to_the_input() -> None:
    picture = np.zeros((3, 10, 20), dtype=np.uint8)
    picture[0, :, 10:] = 255

    square = resized(picture, 8)

    assert square.shape == (3, 8, 8)
    assert square[0, :, 0].max() < 30
    assert square[0, :, -1].min() > 225
    assert resized(square, 8) is square


def test_embeddings_are_unit_vectors_of_both_kinds() -> None:
    towers = tiny_towers()
    pictures = [np.full((3, 9, 9), value, dtype=np.uint8) for value in (0, 200)]

    images, texts = towers.embed_images(pictures, 32, "cpu"), towers.embed_texts(["a", "b"], "cpu")

    assert images.shape == texts.shape == (2, 8)
    assert images.dtype == texts.dtype == np.float32
    assert np.allclose(np.linalg.norm(np.concatenate([images, texts]), axis=1), 1, atol=1e-5)
