"""FarSeg through torchgeo, and the weights that its authors released.

torchgeo is an extra. Its network is the released one under other names, except that the last
convolution is 3x3 instead of 1x1: zeros around the released kernel make both equal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.errors import MissingExtraError, UnreadableFileError

RELEASED_BACKBONE = "resnet50"
RELEASED_CLASSES = (
    "background",
    "ship",
    "storage_tank",
    "baseball_diamond",
    "tennis_court",
    "basketball_court",
    "ground_track_field",
    "bridge",
    "large_vehicle",
    "small_vehicle",
    "helicopter",
    "swimming_pool",
    "roundabout",
    "soccer_ball_field",
    "plane",
    "harbor",
)
"""Classes of iSAID by output channel of the released weights."""


_RENAMED = (
    (re.compile(r"^en\.resnet\."), "backbone."),
    (re.compile(r"^fpn\.fpn_(inner|layer)1\."), r"fpn.\1_blocks.0.0."),
    (re.compile(r"^fpn\.fpn_(inner|layer)2\."), r"fpn.\1_blocks.1.0."),
    (re.compile(r"^fpn\.fpn_(inner|layer)3\."), r"fpn.\1_blocks.2.0."),
    (re.compile(r"^fpn\.fpn_(inner|layer)4\."), r"fpn.\1_blocks.3.0."),
    (re.compile(r"^sr\."), "fsr."),
)


def build_farseg(backbone: str, class_count: int) -> nn.Module:
    """Return torchgeo's FarSeg with random weights, for inputs of a multiple of 32 px.

    Raises:
        MissingExtraError: torchgeo is not installed.
    """
    try:
        from torchgeo.models import FarSeg
    except ImportError as error:
        raise MissingExtraError(
            "FarSeg needs torchgeo, which is not installed. Install it with RSQA's extra: "
            "pip install 'rsqa[encoders]'."
        ) from error
    network: nn.Module = FarSeg(backbone=backbone, classes=class_count, backbone_pretrained=False)
    # The classifier of the ResNet is never called; without it a saved file holds what is used.
    network.backbone.fc = nn.Identity()  # type: ignore[union-attr]
    return network


def released_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the released weights to torchgeo's names.

    Args:
        state: the released file's ``model``, with or without ``module.`` before each name.

    Returns:
        a state that `build_farseg` loads with nothing missing or left over.

    Raises:
        UnreadableFileError: the classifier is missing or not of one place.
    """
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        key = name.removeprefix("module.")
        if key == "buffer_step" or key.startswith("en.resnet.fc."):
            continue  # a counter of the training, and a layer that is never called
        for pattern, replacement in _RENAMED:
            key = pattern.sub(replacement, key)
        renamed[key] = value
    for part in ("weight", "bias"):
        if f"cls_pred_conv.{part}" not in renamed:
            raise UnreadableFileError(
                f"These FarSeg weights hold no cls_pred_conv.{part}. Expected the released "
                "farseg50.pth, or a file of the same names."
            )
    kernel = renamed.pop("cls_pred_conv.weight")
    if kernel.shape[2:] != (1, 1):
        raise UnreadableFileError(
            f"Expected cls_pred_conv.weight to be 1x1, but got {tuple(kernel.shape)}. Expected the "
            "released farseg50.pth, or a file of the same names."
        )
    renamed["decoder.classifier.0.weight"] = functional.pad(kernel, (1, 1, 1, 1))
    renamed["decoder.classifier.0.bias"] = renamed.pop("cls_pred_conv.bias")
    return renamed


def read_release(path: Path) -> dict[str, Tensor]:
    """Read ``farseg50.pth`` under torchgeo's names.

    Raises:
        UnreadableFileError: the file is not a checkpoint of that form.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        model = content["model"]
    except Exception as error:  # pickle, zip and key errors have no common type
        raise UnreadableFileError(
            f"Cannot read FarSeg weights {path.name}: {error}. Expected the released farseg50.pth, "
            "a checkpoint with an entry 'model'."
        ) from error
    return released_state(model)
