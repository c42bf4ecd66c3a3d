"""SatVision-TOA: a Swin Transformer V2 over 14 bands of MODIS at the top of the atmosphere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from rsqa_core.encoders.networks.checkpoints import renamed, unwrapped
from rsqa_core.encoders.networks.inputs import BandPreprocessing
from rsqa_core.encoders.networks.windows import Swin, SwinConfig, infer_swin

SATVISION = SwinConfig(
    bands=14,
    size_px=128,
    patch_px=4,
    width=512,
    depths=(2, 2, 42, 2),
    heads=(16, 32, 64, 128),
    window=8,
    extra_norm_every=6,
)
"""The published model, of three billion weights."""

_REFLECTANCE_PERCENT = (0.0, 100.0)
_BANDS: dict[str, tuple[float, float]] = {
    "modis_1": _REFLECTANCE_PERCENT,
    "modis_2": _REFLECTANCE_PERCENT,
    "modis_3": _REFLECTANCE_PERCENT,
    "modis_26": _REFLECTANCE_PERCENT,
    "modis_6": _REFLECTANCE_PERCENT,
    "modis_20": (223.1222, 352.7182),
    "modis_7": _REFLECTANCE_PERCENT,
    "modis_27": (178.9174, 261.2920),
    "modis_28": (204.3739, 282.5529),
    "modis_29": (204.7677, 319.0373),
    "modis_31": (194.8686, 295.0209),
    "modis_32": (202.1759, 324.0677),
    "modis_33": (201.3823, 321.5254),
    "modis_34": (203.3537, 285.9848),
}
"""What becomes 0 and 1: percent of reflectance, or brightness temperature in kelvin."""

PREPROCESSING = BandPreprocessing(
    size_px=128,
    bands=tuple(_BANDS),
    offset=tuple(low for low, _ in _BANDS.values()),
    scale=tuple(high - low for low, high in _BANDS.values()),
)

DROPPED = (
    r"decoder\..*",
    r"(?:encoder\.)?mask_token",
    r".*\.attn_mask",
    r".*\.relative_coords_table",
    r".*\.relative_position_index",
)
"""The pixel decoder and token of the pre-training, and tables that follow from the sizes."""

_RENAMES = (
    (r"(?:encoder\.)?patch_embed\.proj\.(weight|bias)", r"patch_embed.\1"),
    (r"(?:encoder\.)?patch_embed\.norm\.(weight|bias)", r"patch_norm.\1"),
    (r"(?:encoder\.)?norm\.(weight|bias)", r"norm.\1"),
    (
        r"(?:encoder\.)?layers\.(\d+)\.(blocks\.\d+\.(?:norm[123]|mlp\.fc[12]|attn\.proj"
        r"|attn\.cpb_mlp\.0)\.(?:weight|bias))",
        r"stages.\1.\2",
    ),
    (
        r"(?:encoder\.)?layers\.(\d+)\.(blocks\.\d+\.attn\.(?:logit_scale|q_bias|v_bias|qkv\.weight"
        r"|cpb_mlp\.2\.weight))",
        r"stages.\1.\2",
    ),
    (
        r"(?:encoder\.)?layers\.(\d+)\.downsample\.(reduction\.weight|norm\.(?:weight|bias))",
        r"merging.\1.\2",
    ),
)


def build_satvision(config: SwinConfig = SATVISION) -> nn.Module:
    """Return the untrained network.

    Raises:
        InvalidInputError: the sizes do not fit each other.
    """
    return Swin(config)


def remap_satvision(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring a checkpoint of the pre-training into the network's layout.

    Args:
        state: the checkpoint with its ``module``, or the latter itself.

    Raises:
        UnreadableFileError: a key is neither the encoder's nor among ``DROPPED``.
    """
    ours: dict[str, Tensor] = {}
    for key, value in renamed(unwrapped(state, "module"), _RENAMES, DROPPED).items():
        if key.startswith("merging."):
            # There a stage ends with the merging; here the next one starts with it.
            _, number, rest = key.split(".", 2)
            key = f"stages.{int(number) + 1}.merging.{rest}"
        ours[key] = value
    return ours


def infer_satvision(state: Mapping[str, Tensor], base: SwinConfig = SATVISION) -> SwinConfig:
    """Return the sizes of remapped weights; input size and window are taken from ``base``.

    Raises:
        UnreadableFileError: a tensor that shows a size is missing.
    """
    return infer_swin(state, base)
