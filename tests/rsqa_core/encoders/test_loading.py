"""Every kind of loader, on a small checkpoint in the real layout served over loopback HTTP."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save

from rsqa_core.encoders.fetching import Place, is_here
from rsqa_core.encoders.loading import load, load_spec
from rsqa_core.encoders.preprocessing import Encoder, Preprocessing
from rsqa_core.encoders.registry import CLIP_MEAN, CLIP_STD, find_spec
from rsqa_core.encoders.specs import EncoderSpec
from rsqa_core.errors import DownloadError, InvalidInputError, UnreadableFileError
from tests.rsqa_core.serving import Site

TINY = "rsqa-tiny-vit"
TINY_CONFIG = {
    "embed_dim": 12,
    "vision_cfg": {
        "image_size": 32,
        "layers": 2,
        "width": 16,
        "head_width": 8,
        "patch_size": 8,
    },
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}
TEXTS = ["water", "a dense residential area"]


@pytest.fixture(scope="module", autouse=True)
def tiny_architecture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("architectures")
    (folder / f"{TINY}.json").write_text(json.dumps(TINY_CONFIG))
    open_clip.add_model_config(folder)
    yield
    open_clip.factory._MODEL_CONFIGS.pop(TINY)


def miniature(name: str, site: Site) -> EncoderSpec:
    """Return a registered spec whose architecture is tiny and whose files come from ``site``."""
    spec = find_spec(name)
    files = tuple(
        replace(file, url=site.url(file.path)) if file.url else file for file in spec.files
    )
    return replace(
        spec,
        architecture=TINY,
        dim=12,
        files=files,
        preprocessing=replace(spec.preprocessing or Preprocessing(32, (), ()), size_px=32),
    )


def original(spec: EncoderSpec, context_length: int = 77) -> Any:
    """Return the model as open_clip alone builds it, with random weights."""
    torch.manual_seed(3)
    return open_clip.create_model(
        spec.architecture,
        force_quick_gelu=bool(spec.quick_gelu),
        force_context_length=context_length,
    ).eval()


def bare(model: Any) -> bytes:
    return saved(model.state_dict())


def saved(content: object) -> bytes:
    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue()


def trained(model: Any) -> bytes:
    """Wrap weights as open_clip's training does: beside them the optimiser and numpy's numbers."""
    return saved(
        {
            "epoch": 20,
            "name": "run",
            "state_dict": {f"module.{key}": value for key, value in model.state_dict().items()},
            "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": []},
            "best_loss": np.float64(0.25),
            "steps": np.int64(7),
        }
    )


def zipped(model: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("SkyCLIP/params.txt", "lr: 1")
        archive.writestr("SkyCLIP/epoch_20.pt", trained(model))
    return out.getvalue()


def picture(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (3, 40, 60)).astype(np.uint8)


def reference(model: Any, rgb: NDArray[np.uint8], mean: Any, std: Any) -> NDArray[np.float32]:
    """Encode as the original code would, once the image is squashed to the network's size."""
    from PIL import Image

    small = Image.fromarray(rgb.transpose(1, 2, 0)).resize((32, 32), Image.Resampling.BICUBIC)
    scaled = (np.asarray(small, np.float32) / 255 - np.float32(mean)) / np.float32(std)
    with torch.inference_mode():
        batch = torch.from_numpy(scaled.transpose(2, 0, 1))[None]
        encoded = model.encode_image(batch, normalize=True)
    return np.asarray(encoded[0].numpy())


def same_as(encoder: Encoder, model: Any, tokens: torch.Tensor) -> None:
    """Check images and texts against the model that the checkpoint came from."""
    seen = encoder.encode_images([picture()])[0]
    assert seen.pooled == pytest.approx(reference(model, picture(), CLIP_MEAN, CLIP_STD), abs=1e-5)
    with torch.inference_mode():
        expected = model.encode_text(tokens, normalize=True).numpy()
    assert encoder.encode_texts(TEXTS) == pytest.approx(expected, abs=1e-5)


LAYOUTS: dict[str, tuple[str, Callable[[Any], bytes]]] = {
    "clip-rs+quickgelu": ("hy1111/CLIP-RS/resolve/main/CLIP_RS.pt", trained),
    "remoteclip-vit-b-32": ("chendelong/RemoteCLIP/resolve/main/RemoteCLIP-ViT-B-32.pt", bare),
    "georsclip-vit-b-32": ("Zilun/GeoRSCLIP/resolve/main/ckpt/RS5M_ViT-B-32.pt", bare),
    "georsclip-vit-h-14": ("Zilun/GeoRSCLIP/resolve/main/ckpt/RS5M_ViT-H-14.pt", bare),
    "skyclip-vit-l-14": ("SkyCLIP_ViT_L14_top50pct.zip", zipped),
    "skyclip-vit-b-32": ("SkyCLIP_ViT_B32_top50pct.zip", zipped),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_published_layout_loads_and_reloads_equal(name: str, site: Site, place: Place) -> None:
    spec, (path, wrap) = miniature(name, site), LAYOUTS[name]
    model = original(spec)
    site.files[path] = wrap(model)

    encoder = load_spec(spec, place)

    same_as(encoder, model, open_clip.get_tokenizer("ViT-B-32")(TEXTS))
    assert encoder.name == name
    assert [request for request, _ in site.requests] == [path]
    assert [file.name for file in place.folder(spec).iterdir()] == ["weights.safetensors"]
    again = load_spec(spec, replace(place, offline=True))
    assert again.fingerprint == encoder.fingerprint
    assert len(site.requests) == 1


def test_long_clips_two_position_tables_become_one(site: Site, place: Place) -> None:
    spec = miniature("lrsclip-vit-b-16", site)
    model = original(spec, context_length=248)
    state = dict(model.state_dict())
    merged = state["positional_embedding"]
    first, second = merged.clone(), merged.clone()
    first[20:] = 9.0  # of each table the other part is never used
    second[:20] = 9.0
    state |= {"positional_embedding": first, "positional_embedding_res": second}
    site.files["MitsuiChen14/DGTRS-CLIP-ViT-B-16/resolve/main/LRSCLIP_ViT-B-16.pt"] = saved(state)

    encoder = load_spec(spec, place)

    same_as(encoder, model, open_clip.get_tokenizer("ViT-B-32", context_length=248)(TEXTS))
    assert load_spec(spec, place).fingerprint == encoder.fingerprint


def test_a_file_may_have_its_other_name(site: Site, place: Place) -> None:
    spec = miniature("lrsclip-vit-b-16", site)
    state = dict(original(spec, context_length=248).state_dict())
    state["positional_embedding_res"] = state["positional_embedding"]
    site.files["MitsuiChen14/DGTRS-CLIP-ViT-B-16/resolve/main/DGTRS-CLIP-ViT-B-16.pt"] = saved(
        state
    )

    assert load_spec(spec, place).dim == 12


def test_an_open_clip_tag_takes_activation_and_statistics_from_the_tag(
    site: Site, place: Place
) -> None:
    spec = miniature("ViT-B-32:openai", site)
    assert spec.quick_gelu is True  # which the architecture's own configuration does not say
    model = original(spec)
    path = "timm/vit_base_patch32_clip_224.openai/resolve/main/open_clip_model.safetensors"
    site.files[path] = save(model.state_dict())

    encoder = load_spec(spec, place)

    same_as(encoder, model, open_clip.get_tokenizer("ViT-B-32")(TEXTS))
    assert load_spec(spec, replace(place, offline=True)).fingerprint == encoder.fingerprint


def test_the_activation_is_part_of_the_identity(site: Site, place: Place) -> None:
    quick, plain = (miniature(f"clip-rs{ending}", site) for ending in ("+quickgelu", "+gelu"))
    site.files["hy1111/CLIP-RS/resolve/main/CLIP_RS.pt"] = trained(original(quick))

    one, other = load_spec(quick, place), load_spec(plain, place)

    assert len(site.requests) == 1  # both share the weights
    assert one.fingerprint != other.fingerprint
    assert one.encode_texts(TEXTS) != pytest.approx(other.encode_texts(TEXTS), abs=1e-4)


@pytest.mark.parametrize(
    "change",
    [{"mean": (0.4, 0.4, 0.4)}, {"std": (0.3, 0.3, 0.3)}, {"interpolation": "bilinear"}],
    ids=["mean", "std", "interpolation"],
)
def test_other_preprocessing_is_another_encoder(
    site: Site, place: Place, change: dict[str, Any]
) -> None:
    spec = miniature("remoteclip-vit-b-32", site)
    site.files[LAYOUTS[spec.id][0]] = bare(original(spec))
    assert spec.preprocessing is not None
    changed = replace(spec, preprocessing=replace(spec.preprocessing, **change))

    assert load_spec(spec, place).fingerprint != load_spec(changed, place).fingerprint


def test_a_broken_download_is_taken_up_where_it_stopped(site: Site, place: Place) -> None:
    spec = miniature("remoteclip-vit-b-32", site)
    path = LAYOUTS[spec.id][0]
    site.files[path] = bare(original(spec))
    site.drops, site.drop_after, site.tag = 1, 100_000, '"v1"'
    steps: list[tuple[str, int, int]] = []

    load_spec(spec, place, progress=lambda *step: steps.append(step))

    assert [wanted for _, wanted in site.requests] == [None, "bytes=100000-"]
    size = len(site.files[path])
    assert steps[-1] == (f"fetching {spec.id}: RemoteCLIP-ViT-B-32.pt", size, size)


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(site: Site, place: Place) -> None:
    spec = miniature("remoteclip-vit-b-32", site)
    site.files[LAYOUTS[spec.id][0]] = bare(original(spec))
    promised = replace(spec, files=(replace(spec.files[0], sha256="0" * 64),))

    with pytest.raises(DownloadError, match=r"RemoteCLIP-ViT-B-32\.pt .*SHA-256 0{64}, but got"):
        load_spec(promised, place)

    assert list(place.folder(spec).iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("visual.proj"), r"missing \['visual\.proj'\]"),
        (lambda s: s.update({"visual.odd": torch.ones(1)}), r"unexpected \['visual\.odd'\]"),
        (lambda s: s.update({"visual.proj": torch.ones(3)}), r"shape \['visual\.proj'\]"),
        (lambda s: s.update({"epoch": 3}), r"more than weights: \['epoch'\]"),
    ],
    ids=["missing", "left over", "shape", "no tensor"],
)
def test_a_layout_that_does_not_fit_is_refused_by_name(
    site: Site, place: Place, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    spec = miniature("georsclip-vit-b-32", site)
    state = dict(original(spec).state_dict())
    change(state)
    site.files[LAYOUTS[spec.id][0]] = saved(state)

    with pytest.raises(UnreadableFileError, match=message):
        load_spec(spec, place)

    assert not place.weights(spec).exists()


def test_only_listed_patterns_may_be_left_over(site: Site, place: Place) -> None:
    spec = miniature("georsclip-vit-b-32", site)
    state = {**original(spec).state_dict(), "visual.odd": torch.ones(1)}
    site.files[LAYOUTS[spec.id][0]] = saved(state)

    loaded = load_spec(replace(spec, keys=replace(spec.keys, ignored=("visual.od*",))), place)

    assert loaded.dim == 12
    assert "visual.odd" not in load_file(place.weights(spec))


class Strange:
    """What no checkpoint may make."""


def test_a_pickle_that_names_anything_else_is_refused(site: Site, place: Place) -> None:
    spec = miniature("clip-rs+gelu", site)
    site.files["hy1111/CLIP-RS/resolve/main/CLIP_RS.pt"] = saved(
        {"state_dict": {}, "who": Strange()}
    )

    with pytest.raises(UnreadableFileError, match=r"Strange"):
        load_spec(spec, place)


def test_an_archive_without_the_checkpoint_says_what_it_holds(site: Site, place: Place) -> None:
    spec = miniature("skyclip-vit-b-32", site)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("epoch_1.pt", "x")
    site.files[LAYOUTS[spec.id][0]] = out.getvalue()

    with pytest.raises(UnreadableFileError, match=r"like '\*epoch_20\.pt'.*epoch_1\.pt"):
        load_spec(spec, place)


def test_the_files_of_an_encoder_are_here_or_not(site: Site, place: Place) -> None:
    spec = miniature("remoteclip-vit-b-32", site)
    site.files[LAYOUTS[spec.id][0]] = bare(original(spec))
    assert not is_here(spec, place)
    load_spec(spec, place)
    assert is_here(spec, place)


def test_offline_an_encoder_that_is_not_here_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"RSQA_OFFLINE is 1.*remoteclip-rn50:FILE"):
        load("remoteclip-rn50", cache_dir=tmp_path, offline=True)


def test_a_file_that_the_hub_lacks_says_where_it_was_looked_for(site: Site, place: Place) -> None:
    spec = miniature("remoteclip-rn50", site)

    with pytest.raises(DownloadError, match=r"RemoteCLIP-RN50\.pt is not at http.*404.*:FILE"):
        load_spec(spec, place)


def test_a_local_file_takes_the_place_of_a_download(site: Site, place: Place) -> None:
    spec = miniature("skyclip-vit-b-32", site)
    model = original(spec)
    inner = place.root.parent / "epoch_20.pt"
    inner.write_bytes(trained(model))
    archive = place.root.parent / "sky.zip"
    archive.write_bytes(zipped(model))

    loaded = [load_spec(spec, place, given=path) for path in (inner, archive)]

    assert loaded[0].fingerprint == loaded[1].fingerprint
    same_as(loaded[0], model, open_clip.get_tokenizer("ViT-B-32")(TEXTS))
    assert site.requests == []
    assert inner.exists()


def test_a_file_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnreadableFileError, match=r"no file or folder '/nowhere\.pt'"):
        load("remoteclip-rn50:/nowhere.pt")


def test_the_shipped_encoder_takes_no_file() -> None:
    with pytest.raises(InvalidInputError, match="takes no file"):
        load("rsqa-compact:/weights.pt")
