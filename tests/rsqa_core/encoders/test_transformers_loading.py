"""Loaders of models that need transformers, against transformers and open_clip themselves."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from rsqa_core.encoders.fetching import Place
from rsqa_core.encoders.loading import load, load_spec
from rsqa_core.encoders.preprocessing import Preprocessing, prepare
from rsqa_core.encoders.registry import find_spec
from rsqa_core.encoders.specs import EncoderSpec
from rsqa_core.errors import InvalidInputError, NotFoundError, UnreadableFileError
from tests.rsqa_core.serving import Site

transformers = pytest.importorskip("transformers")

WORDS = ["water", "field", "a", "of", "dense", "agua"]
TEXTS = ["a field", "agua"]
HALF = Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def write_tokenizer(folder: Path) -> None:
    """Write a tokenizer of whole words with the special tokens of XLM-RoBERTa."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    vocabulary |= {word: 4 + i for i, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(
        folder
    )


def picture(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (3, 40, 60)).astype(np.uint8)


def serve(folder: Path, repository: str, site: Site) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            site.files[f"{repository}/resolve/main/{name}"] = path.read_bytes()


def write_siglip(folder: Path) -> Any:
    torch.manual_seed(5)
    tower = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    tower["num_attention_heads"] = 2
    config = transformers.SiglipConfig(
        text_config={**tower, "vocab_size": 32, "max_position_embeddings": 8},
        vision_config={**tower, "image_size": 32, "patch_size": 8},
    )
    model = transformers.SiglipModel(config).eval()
    model.save_pretrained(folder)
    write_tokenizer(folder)
    statement = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(statement))
    return model


def tiny_git_rs_clip() -> EncoderSpec:
    return replace(find_spec("git-rsclip-large"), dim=16, preprocessing=HALF)


def test_git_rs_clip_gives_what_transformers_gives(
    site: Site, place: Place, tmp_path: Path
) -> None:
    folder = tmp_path / "repository"
    model = write_siglip(folder)
    serve(folder, "lcybuaa/Git-RSCLIP", site)
    spec = tiny_git_rs_clip()

    encoder = load_spec(spec, place)

    seen = encoder.encode_images([picture()])[0]
    batch = torch.from_numpy(prepare(picture(), HALF))[None]
    original = transformers.SiglipModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    tokens = tokenizer(TEXTS, padding="max_length", max_length=8, return_tensors="pt")
    with torch.inference_mode():
        image = original.get_image_features(pixel_values=batch).pooler_output[0].numpy()
        text = original.get_text_features(input_ids=tokens["input_ids"]).pooler_output.numpy()
        hidden = model.vision_model(pixel_values=batch).last_hidden_state
        part = model.vision_model.head(hidden[:, 6:7])[0].numpy()
    assert seen.pooled == pytest.approx(image / np.linalg.norm(image), abs=1e-5)
    expected = text / np.linalg.norm(text, axis=1, keepdims=True)
    assert encoder.encode_texts(TEXTS) == pytest.approx(expected, abs=1e-5)
    assert seen.tokens is not None
    assert seen.tokens.shape == (4, 4, 16)
    assert seen.tokens[1, 2] == pytest.approx(part / np.linalg.norm(part), abs=1e-5)
    again = load_spec(spec, replace(place, offline=True))
    assert again.fingerprint == encoder.fingerprint
    assert not (place.folder(spec) / "model.safetensors").exists()


def test_another_statistic_than_the_registered_one_is_refused(
    site: Site, place: Place, tmp_path: Path
) -> None:
    write_siglip(tmp_path / "repository")
    statement = {"image_mean": [0.4] * 3, "image_std": [0.5] * 3, "resample": 3}
    (tmp_path / "repository/preprocessor_config.json").write_text(json.dumps(statement))
    serve(tmp_path / "repository", "lcybuaa/Git-RSCLIP", site)

    with pytest.raises(UnreadableFileError, match=r"states .*0\.4.* registered with .*0\.5"):
        load_spec(tiny_git_rs_clip(), place)


def test_statistics_that_only_the_configuration_states_change_the_fingerprint(
    place: Place, tmp_path: Path
) -> None:
    spec = replace(find_spec("git-rsclip-base"), dim=16)
    one, other = tmp_path / "one", tmp_path / "other"
    write_siglip(one)
    shutil.copytree(one, other)
    statement = {"image_mean": [0.4] * 3, "image_std": [0.5] * 3, "resample": 2}
    (other / "preprocessor_config.json").write_text(json.dumps(statement))

    first, second = (load_spec(spec, place, given=folder) for folder in (one, other))

    assert second.preprocessing.mean == (0.4, 0.4, 0.4)
    assert second.preprocessing.interpolation == "bilinear"
    assert first.fingerprint != second.fingerprint


def test_a_local_copy_of_a_repository_needs_no_network(
    site: Site, place: Place, tmp_path: Path
) -> None:
    folder = tmp_path / "repository"
    write_siglip(folder)
    offline = replace(place, offline=True)

    by_folder, by_file = (
        load_spec(tiny_git_rs_clip(), offline, given=path)
        for path in (folder, folder / "model.safetensors")
    )

    assert by_folder.fingerprint == by_file.fingerprint
    assert site.requests == []
    (folder / "config.json").unlink()
    with pytest.raises(NotFoundError, match=r"no config\.json"):
        load_spec(tiny_git_rs_clip(), offline, given=folder)


def write_rs_m_clip(folder: Path, text_folder: Path) -> Any:
    """Write a small model as open_clip pushes it to the hub, its text tower's config apart."""
    torch.manual_seed(6)
    write_tokenizer(folder)
    text_folder.mkdir(parents=True)
    transformers.XLMRobertaConfig(
        vocab_size=16,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=90,
        type_vocab_size=1,
        pad_token_id=1,
    ).save_pretrained(text_folder)
    config = {
        "model_cfg": {
            "embed_dim": 12,
            "vision_cfg": {
                "image_size": 32,
                "layers": 2,
                "width": 16,
                "head_width": 8,
                "patch_size": 8,
            },
            "text_cfg": {
                "hf_model_name": str(text_folder),
                "hf_tokenizer_name": "xlm-roberta-base",
                "hf_pooler_type": "mean_pooler",
                "hf_proj_type": "mlp",
            },
        },
        "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]},
    }
    path = folder / "open_clip_config.json"
    path.write_text(json.dumps(config))
    model = open_clip.create_model(f"local-dir:{folder}", pretrained_text=False).eval()
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return model


def test_rs_m_clip_gives_what_open_clip_gives(site: Site, place: Place, tmp_path: Path) -> None:
    folder, text_folder = tmp_path / "repository", tmp_path / "xlm"
    write_rs_m_clip(folder, text_folder)
    published = load_file(folder / "open_clip_model.safetensors")
    position_ids = torch.arange(90)[None]  # as older versions of transformers wrote them
    published["text.transformer.embeddings.position_ids"] = position_ids
    original = open_clip.create_model(f"local-dir:{folder}").eval()
    save_file(published, folder / "open_clip_model.safetensors")
    serve(folder, "joaodaniel/RS-M-CLIP", site)
    serve(text_folder, "FacebookAI/xlm-roberta-base", site)
    spec = replace(find_spec("rs-m-clip"), dim=12)

    encoder = load_spec(spec, place)

    assert encoder.preprocessing.mean == (0.5, 0.4, 0.3)
    batch = torch.from_numpy(prepare(picture(), encoder.preprocessing))[None]
    tokenize = open_clip.get_tokenizer(f"local-dir:{folder}")
    with torch.inference_mode():
        image = original.encode_image(batch, normalize=True)[0].numpy()
        text = original.encode_text(tokenize(TEXTS), normalize=True).numpy()
    assert encoder.encode_images([picture()])[0].pooled == pytest.approx(image, abs=1e-5)
    assert encoder.encode_texts(TEXTS) == pytest.approx(text, abs=1e-5)
    assert np.abs(text[0] - text[1]).max() > 1e-3
    assert load_spec(spec, replace(place, offline=True)).fingerprint == encoder.fingerprint


@pytest.mark.parametrize("name", ["git-rsclip-large", "rs-m-clip", "ViT-B-16-SigLIP:webli"])
def test_without_transformers_the_error_names_the_extra(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(InvalidInputError, match=r"needs transformers.*extra `encoders`"):
        load(name, cache_dir=tmp_path, offline=True)
