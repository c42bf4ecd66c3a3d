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

_NAMES = (
    (re.compile(r"^en\.resnet\."), "backbone."),
    (re.compile(r"^fpn\.fpn_(inner|layer)([1-4])\."), None),
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
    network.backbone.fc = nn.Identity()  # type: ignore[assignment, union-attr]
    return network
