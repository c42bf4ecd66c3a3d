"""Who builds a network, by the library that a spec names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import segmentation_models_pytorch as smp
from torch import nn

from rsqa_core.errors import NotFoundError
from rsqa_core.segmenters.farseg import build_farseg
from rsqa_core.segmenters.specs import SegmenterSpec
from rsqa_core.segmenters.unetformer import UNetFormer

Builder = Callable[[SegmenterSpec, int], nn.Module]


def build_network(spec: SegmenterSpec, class_count: int) -> nn.Module:
    """Return the untrained network of ``spec`` with ``class_count`` output channels (logits).

    Raises:
        NotFoundError: nobody builds networks of that library.
        MissingExtraError: the library is an extra that is not installed.
    """
    if spec.library not in BUILDERS:
        raise NotFoundError.named("library of networks", spec.library, BUILDERS)
    return BUILDERS[spec.library](spec, class_count)


def _smp(spec: SegmenterSpec, class_count: int) -> nn.Module:
    architecture = getattr(smp, spec.architecture)
    network: nn.Module = architecture(
        encoder_name=spec.backbone, encoder_weights=None, classes=class_count, **spec.options
    )
    return network


def _unetformer(spec: SegmenterSpec, class_count: int) -> nn.Module:
    return UNetFormer(spec.backbone, class_count, **spec.options)


def _farseg(spec: SegmenterSpec, class_count: int) -> nn.Module:
    return build_farseg(spec.backbone, class_count)


BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {"smp": _smp, "rsqa": _unetformer, "torchgeo": _farseg}
)
