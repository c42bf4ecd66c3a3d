"""Encoders built by open_clip, with random weights: geometry, identity, files and names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from rsqa_core.encoders import openclip
from rsqa_core.encoders.openclip import (
    COMPACT,
    CONFIG_DIR,
    OpenClipEncoder,
    Preprocessing,
    build_compact,
    load_compact,
    load_encoder,
    prepare,
)
from rsqa_core.errors import DownloadError, InvalidInputError, UnreadableFileError

TINY_TEXT = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
TINY_VIT = {
    "embed_dim": 12,
    "vision_cfg": {
        "image_size": 32,
        "layers": 2,
        "width": 16,
        "head_width": 8,
        "patch_size": 8,
    },
    "text_cfg": TINY_TEXT,
}
TINY_RESNET = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8},
    "text_cfg": TINY_TEXT,
}
TINY_TIMM = {
    "embed_dim": 96,
    "vision_cfg": {
        "image_size": 160,
        "timm_model_name": "test_vit3",
        "timm_pool": "map",
        "timm_proj": "none",
    },
    "text_cfg": TINY_TEXT,
}


@pytest.fixture(scope="module")
def tiny_architectures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Makes open_clip know two very small architectures."""
    folder = tmp_path_factory.mktemp("architectures")
    tiny = {
        "rsqa-test-vit": TINY_VIT,
        "rsqa-test-resnet": TINY_RESNET,
        "rsqa-test-timm": TINY_TIMM,
    }
    for name, config in tiny.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    yield
    for name in tiny:
        open_clip.factory._MODEL_CONFIGS.pop(name)


@pytest.fixture(scope="module")
def compact() -> nn.Module:
    torch.manual_seed(0)
    return build_compact().eval()


@pytest.fixture(scope="module")
def encoder(compact: nn.Module) -> OpenClipEncoder:
    return OpenClipEncoder(COMPACT, compact, open_clip.get_tokenizer(COMPACT))


@pytest.fixture(scope="module")
def weights(compact: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "compact.safetensors"
    save_file(compact.state_dict(), path)
    return path


def picture(height: int = 40, width: int = 60, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (3, height, width)).astype(np.uint8)


def batch_of(rgb: NDArray[np.uint8], preprocessing: Preprocessing) -> torch.Tensor:
    return torch.from_numpy(prepare(rgb, preprocessing))[None]


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_compact_model_is_what_its_config_says(encoder: OpenClipEncoder) -> None:
    config = json.loads((CONFIG_DIR / f"{COMPACT}.json").read_text())

    assert encoder.dim == config["embed_dim"]
    assert encoder.preprocessing.size_px == config["vision_cfg"]["image_size"]
    seen = encoder.encode_images([picture()])[0]
    assert seen.pooled.shape == (config["embed_dim"],)
    assert seen.tokens is not None
    assert seen.tokens.shape == (8, 8, config["embed_dim"])


def test_embeddings_have_unit_length(encoder: OpenClipEncoder) -> None:
    seen = encoder.encode_images([picture()])[0]

    assert np.linalg.norm(seen.pooled) == pytest.approx(1.0, abs=1e-5)
    assert seen.tokens is not None
    assert np.linalg.norm(seen.tokens, axis=-1) == pytest.approx(np.ones((8, 8)), abs=1e-5)
    texts = encoder.encode_texts(["water", "a dense city"])
    assert texts.shape == (2, encoder.dim)
    assert np.linalg.norm(texts, axis=1) == pytest.approx(np.ones(2), abs=1e-5)


def test_tokens_before_normalisation_average_to_the_pooled_direction(
    compact: Any, encoder: OpenClipEncoder
) -> None:
    rgb = picture()
    with torch.inference_mode():
        batch = batch_of(rgb, encoder.preprocessing)
        feature_map = compact.visual.trunk.forward_features(batch)
        tokens = compact.visual.head(feature_map.permute(0, 2, 3, 1))[0].numpy()
        expected = compact.encode_image(batch)[0].numpy()

    seen = encoder.encode_images([rgb])[0]

    assert tokens.mean(axis=(0, 1)) == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert cosine(seen.pooled, expected) == pytest.approx(1.0, abs=1e-5)
    assert seen.tokens is not None
    unit = tokens / np.linalg.norm(tokens, axis=-1, keepdims=True)
    assert seen.tokens == pytest.approx(unit, abs=1e-4)


def test_tokens_stand_row_by_row_from_the_top_left(encoder: OpenClipEncoder) -> None:
    plain = np.full((3, 256, 256), 120, dtype=np.uint8)
    spotted = plain.copy()
    spotted[:, 200:, 10:60] = picture(56, 50)  # bottom left

    before, after = (encoder.encode_images([rgb])[0].tokens for rgb in (plain, spotted))

    assert before is not None
    assert after is not None
    change = np.linalg.norm(after - before, axis=-1)
    row, column = np.unravel_index(change.argmax(), change.shape)
    assert row >= 5
    assert column <= 2


def test_a_batch_gives_what_single_images_give(encoder: OpenClipEncoder) -> None:
    pictures = [picture(seed=1), picture(30, 30, seed=2)]

    together = encoder.encode_images(pictures)
    apart = [encoder.encode_images([rgb])[0] for rgb in pictures]

    for one, other in zip(together, apart, strict=True):
        assert one.pooled == pytest.approx(other.pooled, abs=1e-4)
    assert encoder.encode_images([]) == []


@pytest.mark.usefixtures("tiny_architectures")
def test_a_transformers_tokens_belong_to_what_encode_image_pools() -> None:
    torch.manual_seed(1)
    model: Any = open_clip.create_model("rsqa-test-vit", pretrained=None).eval()
    encoder = OpenClipEncoder("vit", model, open_clip.get_tokenizer("rsqa-test-vit"))
    rgb = picture()
    with torch.inference_mode():
        batch = batch_of(rgb, encoder.preprocessing)
        expected = model.encode_image(batch, normalize=True)[0].numpy()
        model.visual.output_tokens = True
        _, patches = model.visual(batch)
        model.visual.output_tokens = False
        projected = (patches @ model.visual.proj)[0].numpy()

    seen = encoder.encode_images([rgb])[0]

    assert seen.pooled == pytest.approx(expected, abs=1e-5)
    assert seen.tokens is not None
    assert seen.tokens.shape == (4, 4, 12)
    unit = projected / np.linalg.norm(projected, axis=-1, keepdims=True)
    assert seen.tokens.reshape(16, 12) == pytest.approx(unit, abs=1e-5)


@pytest.mark.usefixtures("tiny_architectures")
def test_a_resnets_parts_are_what_its_attention_gives_for_them_alone() -> None:
    torch.manual_seed(1)
    model: Any = open_clip.create_model("rsqa-test-resnet", pretrained=None).eval()
    encoder = OpenClipEncoder("resnet", model, open_clip.get_tokenizer("rsqa-test-resnet"))
    rgb = picture()
    pool = model.visual.attnpool
    with torch.inference_mode():
        batch = batch_of(rgb, encoder.preprocessing)
        expected = model.encode_image(batch, normalize=True)[0].numpy()
        features = batch
        for name in ("stem", "layer1", "layer2", "layer3", "layer4"):
            features = getattr(model.visual, name)(features)
        value = features[0, :, 1, 0] @ pool.v_proj.weight.T + pool.v_proj.bias
        part = (value @ pool.c_proj.weight.T + pool.c_proj.bias).numpy()

    seen = encoder.encode_images([rgb])[0]

    assert seen.pooled == pytest.approx(expected, abs=1e-5)
    assert seen.tokens is not None
    assert seen.tokens.shape == (2, 2, 12)
    assert seen.tokens[1, 0] == pytest.approx(part / np.linalg.norm(part), abs=1e-5)


@pytest.mark.usefixtures("tiny_architectures")
def test_a_timm_transformers_parts_are_pooled_as_if_each_were_the_whole() -> None:
    torch.manual_seed(1)
    model: Any = open_clip.create_model("rsqa-test-timm", pretrained=None).eval()
    encoder = OpenClipEncoder("timm", model, open_clip.get_tokenizer("rsqa-test-timm"))
    rgb = picture()
    trunk = model.visual.trunk
    with torch.inference_mode():
        batch = batch_of(rgb, encoder.preprocessing)
        expected = model.encode_image(batch, normalize=True)[0].numpy()
        features = trunk.forward_features(batch)
        part = trunk.fc_norm(trunk.attn_pool(features[:, 1 + 12 : 1 + 13]))[0].numpy()

    seen = encoder.encode_images([rgb])[0]

    assert seen.pooled == pytest.approx(expected, abs=1e-5)
    assert seen.tokens is not None
    assert seen.tokens.shape == (10, 10, 96)
    # The class token comes first, so that part 12 is row 1, column 2.
    assert seen.tokens[1, 2] == pytest.approx(part / np.linalg.norm(part), abs=1e-5)


def test_the_whole_image_is_squashed_and_normalised_per_band() -> None:
    rgb = np.zeros((3, 20, 60), dtype=np.uint8)
    rgb[0, :, 30:] = 255
    preprocessing = Preprocessing(16, (0.5, 0.25, 0.0), (0.5, 1.0, 2.0))

    ready = prepare(rgb, preprocessing)

    assert ready.shape == (3, 16, 16)
    assert ready.dtype == np.float32
    assert ready[0, :, :4] == pytest.approx(np.full((16, 4), -1.0))  # nothing is cropped away
    assert ready[0, :, -4:] == pytest.approx(np.full((16, 4), 1.0))
    assert ready[1] == pytest.approx(np.full((16, 16), -0.25))


@pytest.mark.parametrize(
    "rgb", [np.zeros((3, 8, 8), dtype=np.float32), np.zeros((8, 8, 3), dtype=np.uint8)]
)
def test_what_is_no_8_bit_colour_image_is_refused(rgb: NDArray[Any]) -> None:
    with pytest.raises(InvalidInputError, match=r"\(3, H, W\) uint8"):
        prepare(rgb, Preprocessing(16, (0, 0, 0), (1, 1, 1)))


def test_the_fingerprint_is_that_of_the_weights(
    compact: nn.Module, encoder: OpenClipEncoder, weights: Path
) -> None:
    tokenize = open_clip.get_tokenizer(COMPACT)
    assert load_compact(weights).fingerprint == encoder.fingerprint
    weight = next(iter(compact.parameters()))
    with torch.no_grad():
        before = float(weight.view(-1)[0])
        weight.view(-1)[0] = before + 1e-3
        changed = OpenClipEncoder(COMPACT, compact, tokenize).fingerprint
        weight.view(-1)[0] = before

    assert changed != encoder.fingerprint
    assert OpenClipEncoder(COMPACT, compact, tokenize).fingerprint == encoder.fingerprint


def test_the_fingerprint_changes_with_the_preprocessing(
    compact: Any, encoder: OpenClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact.visual, "image_mean", (0.4, 0.4, 0.4))

    other = OpenClipEncoder(COMPACT, compact, open_clip.get_tokenizer(COMPACT))

    assert other.preprocessing.mean == (0.4, 0.4, 0.4)
    assert other.fingerprint != encoder.fingerprint


def resaved(
    weights: Path, target: Path, change: Callable[[dict[str, torch.Tensor]], object]
) -> Path:
    tensors = load_file(weights)
    change(tensors)
    save_file(tensors, target)
    return target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("logit_scale"), r"missing \['logit_scale'\]"),
        (lambda t: t.update({"odd": torch.ones(1)}), r"unexpected \['odd'\]"),
        (
            lambda t: t.update({"ln_final.bias": torch.ones(3)}),
            r"another shape \['ln_final\.bias'\]",
        ),
        (lambda t: t["ln_final.bias"].fill_(float("nan")), r"not finite, in 'ln_final\.bias'"),
    ],
    ids=["missing", "left over", "shape", "NaN"],
)
def test_a_file_that_does_not_fit_is_refused_by_name(
    tmp_path: Path,
    weights: Path,
    change: Callable[[dict[str, torch.Tensor]], object],
    message: str,
) -> None:
    changed = resaved(weights, tmp_path / "changed.safetensors", change)

    with pytest.raises(UnreadableFileError, match=message):
        load_compact(changed)


@pytest.mark.usefixtures("tiny_architectures")
def test_weights_of_another_architecture_are_refused_with_what_is_missing(weights: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"missing \['visual\.class_embedding'"):
        load_encoder(f"rsqa-test-vit:{weights}")


@pytest.mark.usefixtures("tiny_architectures")
def test_a_local_file_of_an_architecture_is_loaded(tmp_path: Path) -> None:
    torch.manual_seed(2)
    model: Any = open_clip.create_model("rsqa-test-vit", pretrained=None).eval()
    path = tmp_path / "mine.pt"
    torch.save({"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}}, path)

    loaded = load_encoder(f"rsqa-test-vit:{path}", offline=True)

    assert loaded.name == f"rsqa-test-vit:{path}"
    texts = ["water", "sand"]
    direct = OpenClipEncoder(loaded.name, model, open_clip.get_tokenizer("rsqa-test-vit"))
    assert loaded.fingerprint == direct.fingerprint
    assert np.array_equal(loaded.encode_texts(texts), direct.encode_texts(texts))


def test_a_missing_or_damaged_file_is_unreadable(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"not weights")

    with pytest.raises(UnreadableFileError, match=r"damaged\.safetensors"):
        load_compact(damaged)
    with pytest.raises(UnreadableFileError, match=r"absent\.safetensors"):
        load_compact(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("name", ["rsqa-compat", "ViT-B-32", "ViT-B-33:openai", ""])
def test_an_unknown_name_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"ViT-B-32:openai") as refused:
        load_encoder(name)

    assert repr(name) in str(refused.value)


def test_an_unknown_tag_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match=r"No weights 'opneai'.*openai.*laion2b"):
        load_encoder("ViT-B-32:opneai")


def test_offline_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("asked for weights while offline")

    monkeypatch.setattr(openclip.open_clip, "create_model", forbidden)

    with pytest.raises(DownloadError, match="RSQA_OFFLINE is 1"):
        load_encoder("ViT-B-32:openai", offline=True)
