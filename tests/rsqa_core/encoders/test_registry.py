"""What the registry promises of every entry."""

from __future__ import annotations

from pathlib import Path

import open_clip
import pytest

from rsqa_core.encoders.loading import LOADERS, resolve
from rsqa_core.encoders.registry import encoder_ids, find_spec, open_clip_tags
from rsqa_core.errors import InvalidInputError

HUB = "https://hub.example"


@pytest.mark.parametrize("name", encoder_ids())
def test_every_entry_is_complete(name: str) -> None:
    spec = find_spec(name)

    assert spec.id == name
    assert spec.loader in LOADERS
    assert spec.licence
    assert spec.source
    assert spec.dim > 0
    assert all(address.startswith("https://") for f in spec.files for address in f.addresses(HUB))
    if spec.loader == "open_clip":
        assert spec.files
        config = open_clip.get_model_config(spec.architecture)
        assert spec.dim == config["embed_dim"]
        assert spec.preprocessing is not None
        assert spec.preprocessing.size_px == config["vision_cfg"]["image_size"]
        assert spec.quick_gelu is not None


def test_every_tag_of_open_clip_is_an_encoder() -> None:
    tags = open_clip_tags()

    assert len(tags) == len(open_clip.list_pretrained())
    for name in tags:
        spec = find_spec(name)
        weights = open_clip.get_pretrained_cfg(*name.split(":"))
        assert spec.preprocessing is not None
        assert spec.preprocessing.mean == tuple(weights["mean"])
        assert (
            spec.files[0]
            .addresses(HUB)[0]
            .startswith(f"{HUB}/{weights['hf_hub'].rpartition('/')[0]}/resolve/main/")
        )


def test_two_encoders_never_share_a_folder_unless_they_share_the_weights() -> None:
    specs = [find_spec(name) for name in (*encoder_ids(), *open_clip_tags())]
    places = {spec.folder: spec.files for spec in specs}

    assert all(places[spec.folder] == spec.files for spec in specs)


@pytest.mark.parametrize(
    ("name", "quick_gelu"),
    [
        ("skyclip-vit-b-32", False),
        ("skyclip-vit-l-14", True),
        ("georsclip-vit-h-14", False),
        ("georsclip-vit-b-32", True),
        ("ViT-B-32:openai", True),
        ("ViT-B-32:laion2b_s34b_b79k", False),
        ("ViT-B-32:openai+gelu", False),
        ("remoteclip-vit-b-32+gelu", False),
        ("remoteclip-vit-b-32+quickgelu", True),
    ],
)
def test_the_activation_is_registered_or_chosen_by_name(name: str, quick_gelu: bool) -> None:
    assert find_spec(name).quick_gelu is quick_gelu


def test_clip_rs_is_not_loaded_without_a_choice_of_activation() -> None:
    with pytest.raises(InvalidInputError, match=r"Choose clip-rs\+quickgelu or clip-rs\+gelu"):
        find_spec("clip-rs")


def test_an_unknown_name_is_answered_with_the_known_and_the_closest() -> None:
    with pytest.raises(InvalidInputError, match=r"Known: .*rs-m-clip.* mean 'remoteclip-rn50'"):
        find_spec("remoteclip-rn5")


def test_an_activation_that_the_architecture_fixes_is_not_chosen_by_name() -> None:
    with pytest.raises(InvalidInputError, match=r"'git-rsclip-base' is fixed"):
        find_spec("git-rsclip-base+gelu")


def test_a_name_with_a_file_is_an_id_or_an_architecture(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    path.touch()

    assert resolve(f"clip-rs+gelu:{path}")[0].id == "clip-rs+gelu"
    assert resolve(f"ViT-L-14+quickgelu:{path}")[0].quick_gelu is True
    assert resolve(f"ViT-L-14:{path}")[0].quick_gelu is None
    with pytest.raises(InvalidInputError, match="Choose clip-rs"):
        resolve(f"clip-rs:{path}")
