"""The networks that RSQA can train and run, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rsqa_core.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class SegmenterSpec:
    """One segmentation network.

    Attributes:
        name: what candidates of it are called.
        architecture: what the library calls it.
        backbone: what the library calls it; ``tu-`` names of smp come from timm.
        options: further arguments of the architecture.
        taps: feature name: submodule whose output a forward hook keeps. A submodule that returns
            several levels gives its deepest one.
        steps: training steps that the shipped weights took.
        why: what makes it differ from the others.
        library: who builds it, a key of ``architectures.BUILDERS``.
    """

    name: str
    architecture: str
    backbone: str
    options: dict[str, Any] = field(default_factory=dict)
    taps: tuple[tuple[str, str], ...] = (("encoder", "encoder"), ("decoder", "decoder"))
    steps: int = 900
    why: str = ""
    library: str = "smp"


# FarSeg's decoder returns logits, so its finest level stands for the decoder's features.
_FARSEG_TAPS = (("encoder", "backbone.layer4"), ("decoder", "decoder.blocks.0"))

_SPECS = (
    SegmenterSpec(
        name="unet-mobilenetv2",
        architecture="Unet",
        backbone="tu-mobilenetv2_050",
        options={"decoder_channels": (96, 64, 32, 24, 16)},
        steps=800,
        why="skip connections at every scale: sharp outlines, little context",
    ),
    SegmenterSpec(
        name="fpn-mobilenetv3",
        architecture="FPN",
        backbone="tu-mobilenetv3_small_100",
        options={"decoder_pyramid_channels": 64, "decoder_segmentation_channels": 64},
        why="sums a feature pyramid at a quarter of the resolution: smooth regions",
    ),
    SegmenterSpec(
        name="deeplabv3plus-lcnet",
        architecture="DeepLabV3Plus",
        backbone="tu-lcnet_075",
        options={"decoder_channels": 96, "decoder_atrous_rates": (6, 12, 18)},
        why="atrous context from a very small backbone: fast, loses thin roads",
    ),
    SegmenterSpec(
        name="segformer-b0",
        architecture="Segformer",
        backbone="mit_b0",
        options={"decoder_segmentation_channels": 96},
        steps=1000,
        why="self-attention over the whole image: other errors than convolutions make",
    ),
    SegmenterSpec(
        name="pspnet-mobilenetv3",
        architecture="PSPNet",
        backbone="tu-mobilenetv3_small_100",
        options={"psp_out_channels": 128},
        steps=400,
        why="averages over four grids of the image, no decoder: knows the place, blurs outlines",
    ),
    SegmenterSpec(
        name="unetformer-mobilenetv4",
        architecture="UNetFormer",
        backbone="mobilenetv4_conv_small_050",
        steps=200,
        library="rsqa",
        why="convolutions and window attention side by side in the decoder",
    ),
    SegmenterSpec(
        name="farseg-resnet18",
        architecture="FarSeg",
        backbone="resnet18",
        taps=_FARSEG_TAPS,
        steps=600,
        library="torchgeo",
        why="weighs every place by its relation to the whole scene: foreground against background",
    ),
    SegmenterSpec(
        name="farseg-resnet50",
        architecture="FarSeg",
        backbone="resnet50",
        taps=_FARSEG_TAPS,
        steps=600,
        library="torchgeo",
        why="the size of the released FarSeg weights",
    ),
)

SEGMENTERS: dict[str, SegmenterSpec] = {spec.name: spec for spec in _SPECS}


def segmenter_spec(name: str) -> SegmenterSpec:
    """Return the spec called ``name``.

    Raises:
        NotFoundError: no network has that name; the message lists the known ones.
    """
    if name not in SEGMENTERS:
        raise NotFoundError.named("segmenter", name, SEGMENTERS)
    return SEGMENTERS[name]
