"""SkySense: the encoders for high-resolution colour and for Sentinel-2, each by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.encoders.networks.checkpoints import count, needed, renamed, unwrapped
from rsqa_core.encoders.networks.inputs import BandPreprocessing, check_batch
from rsqa_core.encoders.networks.windows import Swin, SwinConfig, infer_swin
from rsqa_core.errors import InvalidInputError

SKYSENSE_HR = SwinConfig(
    bands=3,
    size_px=256,
    patch_px=4,
    width=352,
    depths=(2, 2, 18, 2),
    heads=(8, 16, 32, 64),
    window=8,
    extra_norm_every=6,
)
"""The published model. The size is ours: the smallest that all stages cut into whole windows."""

PREPROCESSING_HR = BandPreprocessing(
    size_px=256,
    bands=("red", "green", "blue"),
    offset=(123.675, 116.28, 103.53),
    scale=(58.395, 57.12, 57.375),
)
"""For values 0..255."""

DROPPED_HR = (
    r"backbone_s[12]\..*",
    r"fusion\..*",
    r"head.*",
    r"ctpe",
    r"(?:backbone(?:_gep)?\.)?mask_token",
    r".*\.relative_coords_table",
    r".*\.relative_position_index",
)
"""The other encoders, fusion, heads, calendar and mask tokens, tables that follow from sizes."""

PREPROCESSING_S2 = BandPreprocessing(
    size_px=64,
    bands=("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12"),
    offset=(
        884.29673756,
        1144.16202635,
        1297.47289228,
        1624.90992062,
        2194.6423161,
        2422.21248945,
        2517.76053101,
        2581.64687018,
        2368.51236873,
        1805.06846033,
    ),
    scale=(
        1155.15170768,
        1183.6292542,
        1368.11351514,
        1370.265037,
        1355.55390699,
        1416.51487101,
        1474.78900051,
        1439.3086061,
        1455.52084939,
        1343.48379601,
    ),
)
"""Band order of SkySense; mean and deviation as published with SkySense++, for digital numbers."""

DROPPED_S2 = (r"backbone_(?:gep|s1)\..*", r"fusion\..*", r"head.*", r"ctpe")
"""The other encoders, fusion, heads and calendar token."""

_HR = r"(?:backbone(?:_gep)?\.)?"
_RENAMES_HR = (
    (_HR + r"patch_embed\.projection\.(weight|bias)", r"patch_embed.\1"),
    (_HR + r"patch_embed\.norm\.(weight|bias)", r"patch_norm.\1"),
    (_HR + r"norm3\.(weight|bias)", r"norm.\1"),
    (_HR + r"(stages\.\d+\.blocks\.\d+\.norm[123]\.(?:weight|bias))", r"\1"),
    (_HR + r"(stages\.\d+\.blocks\.\d+)\.ffn\.layers\.0\.0\.(weight|bias)", r"\1.mlp.fc1.\2"),
    (_HR + r"(stages\.\d+\.blocks\.\d+)\.ffn\.layers\.1\.(weight|bias)", r"\1.mlp.fc2.\2"),
    (
        _HR + r"(stages\.\d+\.blocks\.\d+\.attn)\.w_msa\.(logit_scale|q_bias|v_bias|qkv\.weight"
        r"|(?:proj|cpb_mlp\.0)\.(?:weight|bias)|cpb_mlp\.2\.weight)",
        r"\1.\2",
    ),
    (
        _HR + r"(stages\.\d+)\.downsample\.(reduction\.weight|norm\.(?:weight|bias))",
        r"\1.merging.\2",
    ),
)
_S2 = r"(?:backbone_s2\.)?"
_RENAMES_S2 = (
    (_S2 + r"patch_embed\.projection\.(weight|bias)", r"patch_embed.\1"),
    (_S2 + r"(cls_token|pos_embed)", r"\1"),
    (_S2 + r"(layers\.\d+)\.ln([12])\.(weight|bias)", r"\1.norm\2.\3"),
    (_S2 + r"(layers\.\d+)\.attn\.attn\.in_proj_(weight|bias)", r"\1.qkv.\2"),
    (_S2 + r"(layers\.\d+)\.attn\.attn\.out_proj\.(weight|bias)", r"\1.proj.\2"),
    (_S2 + r"(layers\.\d+)\.ffn\.layers\.0\.0\.(weight|bias)", r"\1.fc1.\2"),
    (_S2 + r"(layers\.\d+)\.ffn\.layers\.1\.(weight|bias)", r"\1.fc2.\2"),
)


def build_skysense_hr(config: SwinConfig = SKYSENSE_HR) -> nn.Module:
    """Return the untrained network for high-resolution colour.

    Raises:
        InvalidInputError: the sizes do not fit each other.
    """
    return Swin(config)


def remap_skysense_hr(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring the whole checkpoint, or that of the encoder alone, into the network's layout.

    Args:
        state: keys under ``backbone_gep.``, ``backbone.`` or bare, perhaps inside ``model``.

    Raises:
        UnreadableFileError: a key is neither the encoder's nor among ``DROPPED_HR``.
    """
    ours = renamed(unwrapped(state, "model", "state_dict"), _RENAMES_HR, DROPPED_HR)
    for key, weight in ours.items():
        if key.endswith("merging.reduction.weight"):
            # There the four tokens that are joined are interleaved channel by channel, first to
            # the right and then down; here they stand one after the other, first down.
            by_place = torch.unflatten(weight, 1, (-1, 2, 2))
            ours[key] = by_place.permute(0, 3, 2, 1).flatten(1)
    return ours


def infer_skysense_hr(state: Mapping[str, Tensor], base: SwinConfig = SKYSENSE_HR) -> SwinConfig:
    """Return the sizes of remapped weights; input size and window are taken from ``base``.

    Raises:
        UnreadableFileError: a tensor that shows a size is missing.
    """
    return infer_swin(state, base)


@dataclass(frozen=True, slots=True)
class SkySenseS2Config:
    """Sizes of the Sentinel-2 encoder; the defaults are the published model's.

    Attributes:
        bands: number of input bands.
        size_px: side of the input.
        patch_px: side of a patch.
        dim: length of a token, and of the embedding.
        layers: number of layers.
        heads: attention heads of each layer.
        inner: width of the perceptrons.
    """

    bands: int = 10
    size_px: int = 64
    patch_px: int = 4
    dim: int = 1024
    layers: int = 24
    heads: int = 16
    inner: int = 4096


class _Layer(nn.Module):
    """A transformer layer with norms before attention and perceptron."""

    def __init__(self, config: SkySenseS2Config) -> None:
        super().__init__()
        dim = config.dim
        self.heads = config.heads
        self.norm1 = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, config.inner)
        self.fc2 = nn.Linear(config.inner, dim)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(seen.transpose(1, 2).flatten(2))
        changed: Tensor = x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))
        return changed


class SkySenseS2(nn.Module):
    """The vision transformer; ``forward`` gives pooled vectors and the grid of patches."""

    def __init__(self, config: SkySenseS2Config) -> None:
        super().__init__()
        if config.size_px % config.patch_px:
            raise InvalidInputError(
                f"Expected the size to be a multiple of {config.patch_px} px, but got "
                f"{config.size_px} px."
            )
        self.config = config
        self.side = config.size_px // config.patch_px
        self.patch_embed = nn.Conv2d(config.bands, config.dim, config.patch_px, config.patch_px)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, self.side**2 + 1, config.dim))
        self.layers = nn.Sequential(*(_Layer(config) for _ in range(config.layers)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode (N, C, S, S) float32 images.

        Returns:
            (N, D) means of the patches' tokens, and the (N, h, w, D) tokens. The class token takes
            part in attention only, for the original hands on the patches' alone.
        """
        check_batch(images, self.config.bands, self.config.size_px)
        patches = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], 1) + self.pos_embed
        grid = self.layers(x)[:, 1:].unflatten(1, (self.side, self.side))
        return grid.mean((1, 2)), grid


def build_skysense_s2(config: SkySenseS2Config | None = None) -> nn.Module:
    """Return the untrained network for Sentinel-2.

    Raises:
        InvalidInputError: the sizes do not fit each other.
    """
    return SkySenseS2(config or SkySenseS2Config())


def remap_skysense_s2(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring the whole checkpoint, or that of the encoder alone, into the network's layout.

    Args:
        state: keys under ``backbone_s2.`` or bare, perhaps inside ``model``.

    Raises:
        UnreadableFileError: a key is neither the encoder's nor among ``DROPPED_S2``.
    """
    return renamed(unwrapped(state, "model", "state_dict"), _RENAMES_S2, DROPPED_S2)


def infer_skysense_s2(
    state: Mapping[str, Tensor], base: SkySenseS2Config | None = None
) -> SkySenseS2Config:
    """Return the sizes of remapped weights; the number of heads is taken from ``base``.

    Raises:
        UnreadableFileError: a tensor that shows a size is missing.
    """
    patches = needed(state, "patch_embed.weight")
    side = round((needed(state, "pos_embed").shape[1] - 1) ** 0.5)
    return dataclasses.replace(
        base or SkySenseS2Config(),
        bands=patches.shape[1],
        size_px=side * patches.shape[2],
        patch_px=patches.shape[2],
        dim=patches.shape[0],
        layers=count(state, r"layers\.(\d+)\."),
        inner=needed(state, "layers.0.fc1.weight").shape[0],
    )
