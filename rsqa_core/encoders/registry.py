"""Every encoder that RSQA knows by name."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from rsqa_core.encoders.preprocessing import Preprocessing
from rsqa_core.encoders.specs import Basis, EncoderSpec, HubFile, KeyRules
from rsqa_core.errors import InvalidInputError

COMPACT = "rsqa-compact"
CONFIG_DIR = Path(__file__).with_name("configs")
ACTIVATIONS = {"+quickgelu": True, "+gelu": False}
"""Endings of a name that choose the activation of open_clip's towers."""

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_CLIP_224 = Preprocessing(224, CLIP_MEAN, CLIP_STD)
_CLIP_336 = Preprocessing(336, CLIP_MEAN, CLIP_STD)
_HALF_256 = Preprocessing(256, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

# A training checkpoint of open_clip: weights beside optimiser state and numpy scalars, saved from
# DistributedDataParallel.
_TRAINING = KeyRules(inside="state_dict", prefix="module.")
# Written by older versions of transformers, computed by the newer ones.
_POSITION_IDS = "*.position_ids"


def _tokenizer_files(repository: str) -> tuple[HubFile, ...]:
    return (
        HubFile("tokenizer.json", repository),
        HubFile("tokenizer_config.json", repository),
        HubFile("special_tokens_map.json", repository, optional=True),
    )


def _remote_clip(size: str, dim: int, about_mb: int) -> EncoderSpec:
    return EncoderSpec(
        id=f"remoteclip-{size.lower()}",
        loader="open_clip",
        architecture=size,
        files=(HubFile(f"RemoteCLIP-{size}.pt", "chendelong/RemoteCLIP"),),
        preprocessing=_CLIP_224,
        dim=dim,
        has_text=True,
        licence="Apache-2.0 (repository)",
        source="https://github.com/ChenDelong1999/RemoteCLIP",
        quick_gelu=True,
        activation_basis="inferred",
        about_mb=about_mb,
        note="Trained from OpenAI's weights, which use QuickGELU; its own demo loads it with GELU.",
    )


def _geo_rs_clip(
    size: str, dim: int, quick_gelu: bool, basis: Basis, about_mb: int, side_px: int = 224
) -> EncoderSpec:
    return EncoderSpec(
        id=f"georsclip-{size.lower()}",
        loader="open_clip",
        architecture=size,
        files=(HubFile(f"ckpt/RS5M_{size}.pt", "Zilun/GeoRSCLIP"),),
        preprocessing=_CLIP_224 if side_px == 224 else _CLIP_336,
        dim=dim,
        has_text=True,
        licence="CC-BY-4.0 (weights), MIT (repository)",
        source="https://github.com/om-ai-lab/RS5M",
        quick_gelu=quick_gelu,
        activation_basis=basis,
        about_mb=about_mb,
    )


def _sky_clip(name: str, archive: str, size: str, dim: int, quick_gelu: bool) -> EncoderSpec:
    return EncoderSpec(
        id=name,
        loader="open_clip",
        architecture=size,
        files=(
            HubFile(
                f"{archive}.zip",
                url=f"https://opendatasharing.s3.us-west-2.amazonaws.com/SkyScript/ckpt/{archive}.zip",
                member="*epoch_20.pt",
            ),
        ),
        preprocessing=_CLIP_224,
        dim=dim,
        has_text=True,
        licence="MIT",
        source="https://github.com/wangzhecheng/SkyScript",
        revision="epoch 20",
        quick_gelu=quick_gelu,
        keys=_TRAINING,
        note=f"From {'OpenAI' if quick_gelu else 'laion2b_e16'} weights on half of SkyScript.",
    )


def _lrs_clip(size: str, dim: int, names: tuple[str, str], revision: str) -> EncoderSpec:
    return EncoderSpec(
        id=f"lrsclip-{size.lower()}",
        loader="open_clip",
        architecture=size,
        files=(
            HubFile(
                names[0],
                f"MitsuiChen14/DGTRS-CLIP-{size}",
                revision=revision,
                also_called=names[1:],
            ),
        ),
        preprocessing=_CLIP_224,
        dim=dim,
        has_text=True,
        licence="Apache-2.0",
        source="https://github.com/MitsuiChen14/DGTRS",
        revision=revision,
        quick_gelu=True,
        keys=KeyRules(merging="long-clip"),
        context_length=248,
        note="248 text tokens; its two position tables become one.",
    )


def _git_rs_clip(
    name: str, repository: str, dim: int, preprocessing: Preprocessing | None, note: str
) -> EncoderSpec:
    return EncoderSpec(
        id=name,
        loader="siglip",
        architecture="SiglipModel",
        files=(
            HubFile("model.safetensors", repository),
            HubFile("config.json", repository),
            HubFile("preprocessor_config.json", repository, optional=True),
            *_tokenizer_files(repository),
        ),
        preprocessing=preprocessing,
        dim=dim,
        has_text=True,
        licence="Apache-2.0",
        source="https://github.com/Chen-Yang-Liu/Text2Earth",
        keys=KeyRules(ignored=(_POSITION_IDS,)),
        needs=("transformers",),
        context_length=64,
        note=note,
    )


def _clip_rs(ending: str) -> EncoderSpec:
    return EncoderSpec(
        id=f"clip-rs{ending}",
        loader="open_clip",
        architecture="ViT-L-14",
        files=(HubFile("CLIP_RS.pt", "hy1111/CLIP-RS"),),
        preprocessing=_CLIP_224,
        dim=768,
        has_text=True,
        licence="none stated",
        source="https://arxiv.org/abs/2502.13990",
        quick_gelu=ACTIVATIONS[ending],
        activation_basis="unknown",
        keys=_TRAINING,
        about_mb=5131,
        note="Architecture inferred from the file's size; nobody states the activation.",
    )


_RS_M_CLIP = EncoderSpec(
    id="rs-m-clip",
    loader="open_clip_folder",
    architecture="xlm-roberta-base-ViT-B-32",
    files=(
        HubFile("open_clip_model.safetensors", "joaodaniel/RS-M-CLIP"),
        HubFile("open_clip_config.json", "joaodaniel/RS-M-CLIP"),
        *_tokenizer_files("joaodaniel/RS-M-CLIP"),
        HubFile("config.json", "FacebookAI/xlm-roberta-base", saved_as="text/config.json"),
    ),
    preprocessing=None,
    dim=512,
    has_text=True,
    licence="MIT",
    source="https://arxiv.org/abs/2410.23370",
    keys=KeyRules(ignored=(_POSITION_IDS,)),
    needs=("transformers",),
    note="Prompts in ten languages; mean, std and activation come from its configuration.",
)


def _compact() -> EncoderSpec:
    config = json.loads((CONFIG_DIR / f"{COMPACT}.json").read_text(encoding="utf-8"))
    return EncoderSpec(
        id=COMPACT,
        loader="compact",
        architecture=COMPACT,
        files=(),
        preprocessing=Preprocessing(config["vision_cfg"]["image_size"], CLIP_MEAN, CLIP_STD),
        dim=config["embed_dim"],
        has_text=True,
        licence="Apache-2.0",
        source="rsqa_core/weights/encoders",
        revision="shipped",
        note="Shipped with RSQA; needs no download.",
    )


_ENCODERS: dict[str, EncoderSpec] = {
    spec.id: spec
    for spec in (
        _compact(),
        _clip_rs("+quickgelu"),
        _clip_rs("+gelu"),
        _remote_clip("RN50", 1024, 409),
        _remote_clip("ViT-B-32", 512, 605),
        _remote_clip("ViT-L-14", 768, 1711),
        _geo_rs_clip("ViT-B-32", 512, True, "stated", 605),
        _geo_rs_clip("ViT-L-14", 768, True, "inferred", 1711),
        _geo_rs_clip("ViT-L-14-336", 768, True, "inferred", 1712, side_px=336),
        _geo_rs_clip("ViT-H-14", 1024, False, "stated", 3944),
        _sky_clip("skyclip-vit-l-14", "SkyCLIP_ViT_L14_top50pct", "ViT-L-14", 768, True),
        _sky_clip("skyclip-vit-b-32", "SkyCLIP_ViT_B32_top50pct", "ViT-B-32", 512, False),
        _RS_M_CLIP,
        _lrs_clip("ViT-B-16", 512, ("LRSCLIP_ViT-B-16.pt", "DGTRS-CLIP-ViT-B-16.pt"), "main"),
        _lrs_clip(
            "ViT-L-14",
            768,
            ("LRSCLIP_ViT-L-14.pt", "DGTRS-CLIP-ViT-L-14.pt"),
            "09dc0a7b6532f769aa64dae957bfbad068d2735f",
        ),
        _git_rs_clip("git-rsclip-large", "lcybuaa/Git-RSCLIP", 1024, _HALF_256, ""),
        _git_rs_clip(
            "git-rsclip-base",
            "lcybuaa/Git-RSCLIP-base",
            768,
            None,
            "Its card says both 224 and 256 px; its configuration decides.",
        ),
    )
}


def encoder_ids() -> tuple[str, ...]:
    """Return the ids of the registry, open_clip's own tags apart."""
    return (*_ENCODERS, *_networks())


@cache
def _networks() -> dict[str, EncoderSpec]:
    """Return the encoders without text; their catalogue loads torch, so it is read on use."""
    from rsqa_core.encoders.networks.registered import network_specs

    return network_specs()


def open_clip_tags() -> tuple[str, ...]:
    """Return all of open_clip's pretrained weights as ARCHITECTURE:TAG."""
    import open_clip

    return tuple(f"{name}:{tag}" for name, tag in open_clip.list_pretrained())


def find_spec(name: str) -> EncoderSpec:
    """Return the spec called ``name``: an id, ARCHITECTURE:TAG, either with an activation's ending.

    Raises:
        InvalidInputError: nothing is called so; the message has the known names and the closest.

    Example:
        >>> find_spec("skyclip-vit-b-32").quick_gelu
        False
        >>> find_spec("skyclip-vit-b-32+quickgelu").quick_gelu
        True
    """
    if name in _ENCODERS:
        return _ENCODERS[name]
    if name in _networks():
        return _networks()[name]
    for ending, quick_gelu in ACTIVATIONS.items():
        if name.endswith(ending):
            return _with_activation(find_spec(name.removesuffix(ending)), ending, quick_gelu)
    if f"{name}+gelu" in _ENCODERS:
        raise InvalidInputError(
            f"Nobody states which activation the encoder {name!r} was trained with, and a wrong "
            f"one spoils it without an error. Choose {name}+quickgelu or {name}+gelu."
        )
    architecture, colon, tag = name.partition(":")
    if colon:
        return _tag_spec(architecture, tag)
    raise unknown_encoder(name)


def unknown_encoder(name: str) -> InvalidInputError:
    """Return the error for a name that is none."""
    ids = encoder_ids()
    close = difflib.get_close_matches(name, ids, n=1)
    return InvalidInputError(
        f"No encoder is called {name!r}. Known: {', '.join(ids)}, and open_clip's as "
        "ARCHITECTURE:TAG or ARCHITECTURE:FILE, for example ViT-B-32:openai."
        + (f" Did you mean {close[0]!r}?" if close else "")
    )


def _with_activation(spec: EncoderSpec, ending: str, quick_gelu: bool) -> EncoderSpec:
    if spec.loader != "open_clip":
        raise InvalidInputError(
            f"The activation of {spec.id!r} is fixed. Leave {ending!r} out of the name."
        )
    if spec.quick_gelu == quick_gelu:
        return spec
    return replace(
        spec, id=f"{spec.id}{ending}", quick_gelu=quick_gelu, note="Activation chosen by name."
    )


def _tag_spec(architecture: str, tag: str) -> EncoderSpec:
    import open_clip

    config = open_clip.get_model_config(architecture) if architecture else None
    if config is None or not tag:
        raise unknown_encoder(f"{architecture}:{tag}")
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if not open_clip.is_pretrained_cfg(architecture, tag):
        raise InvalidInputError(
            f"No weights {tag!r} for {architecture}: not a file here and not one of open_clip's "
            f"tags {', '.join(tags) or '(none)'}."
        )
    weights = open_clip.get_pretrained_cfg(architecture, tag)
    repository, _, file = str(weights["hf_hub"]).rpartition("/")
    extra = _text_files(config["text_cfg"])
    return EncoderSpec(
        id=f"{architecture}:{tag}",
        loader="open_clip",
        architecture=architecture,
        files=(*_tag_weights(repository, file), *extra),
        preprocessing=_tag_preprocessing(config, weights),
        dim=int(config["embed_dim"]),
        has_text=True,
        licence="see its source",
        source=f"https://huggingface.co/{repository}",
        quick_gelu=bool(weights.get("quick_gelu") or config.get("quick_gelu")),
        keys=KeyRules(ignored=(_POSITION_IDS,)),
        needs=("transformers",) if extra else (),
    )


def _tag_weights(repository: str, file: str) -> tuple[HubFile, ...]:
    """Prefer safetensors, as open_clip does; the pickle beside it is read with weights_only."""
    if not file:
        names: Iterable[str] = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
    elif PurePosixPath(file).suffix in (".bin", ".pth"):
        names = (f"{PurePosixPath(file).with_suffix('.safetensors')}", file)
    else:
        names = (file,)
    first, *others = names
    return (HubFile(first, repository, also_called=tuple(others)),)


def _text_files(text: dict[str, Any]) -> tuple[HubFile, ...]:
    """Return what a text tower or tokenizer of transformers needs beside the weights."""
    tokenizer, tower = text.get("hf_tokenizer_name"), text.get("hf_model_name")
    files = _tokenizer_files(tokenizer) if tokenizer else ()
    return (*files, HubFile("config.json", tower, saved_as="text/config.json")) if tower else files


def _tag_preprocessing(config: dict[str, Any], weights: dict[str, Any]) -> Preprocessing:
    size = config["vision_cfg"].get("image_size", 224)
    mean, std = weights["mean"], weights["std"]
    return Preprocessing(
        int(size if isinstance(size, int) else size[0]),
        tuple(float(value) for value in mean),
        tuple(float(value) for value in std),
        # open_clip's "random" is for training; it evaluates those weights with bicubic.
        "bilinear" if weights.get("interpolation") == "bilinear" else "bicubic",
    )
