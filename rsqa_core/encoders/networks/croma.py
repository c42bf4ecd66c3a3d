"""CROMA: encoders of Sentinel-1, Sentinel-2 and both together, through torchgeo."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rsqa_core.encoders.networks.checkpoints import count, needed, renamed
from rsqa_core.encoders.networks.inputs import BandPreprocessing, check_batch
from rsqa_core.errors import InvalidInputError, NotFoundError, UnreadableFileError

HEADS = 16
PATCH_PX = 8
_SAR_BANDS = ("VV", "VH")
_OPTICAL_BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12")

PREPROCESSING = {
    modality: BandPreprocessing(size_px=120, bands=bands, stretch_sigmas=2.0)
    for modality, bands in (
        ("sar", _SAR_BANDS),
        ("optical", _OPTICAL_BANDS),
        ("joint", _SAR_BANDS + _OPTICAL_BANDS),
    )
}
"""By modality. The authors take mean and deviation over a whole data set; here they are the
image's own, for an image's embedding must not depend on what it is encoded with."""

DROPPED = {
    "sar": (r"(?:s2_encoder|s2_GAP_FFN|joint_encoder)\..*",),
    "optical": (r"(?:s1_encoder|s1_GAP_FFN|joint_encoder)\..*",),
    "joint": (r"s[12]_GAP_FFN\..*",),
}
"""By modality: parts of the checkpoint that it does not need."""

_PARTS = ("s1_encoder", "s1_GAP_FFN", "s2_encoder", "s2_GAP_FFN", "joint_encoder")


@dataclass(frozen=True, slots=True)
class CromaConfig:
    """Sizes of a CROMA; the defaults are the base model's.

    Attributes:
        modality: "sar" (2 bands), "optical" (12) or "joint" (the 2, then the 12).
        size_px: side of the input, a multiple of 8.
        dim: length of a token, and of the embedding; a multiple of 16.
        layers: layers of the optical encoder; the others have half as many.
    """

    modality: str = "optical"
    size_px: int = 120
    dim: int = 768
    layers: int = 12

    @property
    def bands(self) -> int:
        """Number of input bands."""
        return len(croma_preprocessing(self.modality).bands)


CROMA_LARGE = CromaConfig(dim=1024, layers=24)


def croma_preprocessing(modality: str) -> BandPreprocessing:
    """Return the preprocessing of a modality.

    Raises:
        NotFoundError: there is no such modality.
    """
    if modality not in PREPROCESSING:
        raise NotFoundError.named("modality of CROMA", modality, PREPROCESSING)
    return PREPROCESSING[modality]


class Croma(nn.Module):
    """Torchgeo's network behind one stack of bands."""

    def __init__(self, config: CromaConfig) -> None:
        super().__init__()
        self.config = config
        self.side = config.size_px // PATCH_PX
        self.network: Any = _torchgeo_network(config)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode (N, C, S, S) float32 images.

        Returns:
            (N, D) pooled vectors and (N, h, w, D) tokens. With one modality the pooled vector is
            the mean of the tokens after a perceptron of its own, with both it is their mean.
        """
        check_batch(images, self.config.bands, self.config.size_px)
        network, modality = self.network, self.config.modality
        if modality == "sar":
            found = network(x_sar=images)
        elif modality == "optical":
            found = network(x_optical=images)
        else:
            found = _joint(network, images[:, : len(_SAR_BANDS)], images[:, len(_SAR_BANDS) :])
        tokens, pooled = found[f"{modality}_encodings"], found[f"{modality}_GAP"]
        return pooled, tokens.unflatten(1, (self.side, self.side))


def _joint(network: Any, sar: Tensor, optical: Tensor) -> dict[str, Tensor]:
    """Run both encoders and the joint one; torchgeo's forward would need the perceptrons too."""
    bias = network.attn_bias
    tokens = network.joint_encoder(
        x=network.s1_encoder(imgs=sar, attn_bias=bias),
        context=network.s2_encoder(imgs=optical, attn_bias=bias),
        relative_position_bias=bias,
    )
    return {"joint_encodings": tokens, "joint_GAP": tokens.mean(1)}


def _torchgeo_network(config: CromaConfig) -> nn.Module:
    croma_preprocessing(config.modality)  # refuses an unknown modality
    if config.size_px % PATCH_PX or config.dim % HEADS:
        raise InvalidInputError(
            f"Expected CROMA's size to be a multiple of {PATCH_PX} px and its dim one of {HEADS}, "
            f"but got {config.size_px} px and {config.dim}."
        )
    try:
        from torchgeo.models.croma import CROMA
    except ImportError as error:
        raise NotFoundError(
            "CROMA needs the package torchgeo, which is not installed. Install RSQA's extra "
            "`encoders`, or choose another encoder."
        ) from error
    modality = config.modality
    with torch.device("cpu"):  # also where weights are built without memory: the bias is no weight
        network: nn.Module = CROMA(
            modalities=["sar", "optical"] if modality == "joint" else [modality],
            encoder_dim=config.dim,
            encoder_depth=config.layers,
            num_heads=HEADS,
            patch_size=PATCH_PX,
            image_size=config.size_px,
        )
    # Follows from the size and is in no checkpoint.
    bias = network.get_buffer("attn_bias")
    del network.attn_bias
    network.register_buffer("attn_bias", bias, persistent=False)
    if modality == "joint":
        del network.s1_GAP_FFN, network.s2_GAP_FFN
    return network


def build_croma(config: CromaConfig | None = None) -> nn.Module:
    """Return the untrained network.

    Raises:
        InvalidInputError: the sizes do not fit each other.
        NotFoundError: torchgeo is not installed, or there is no such modality.
    """
    return Croma(config or CromaConfig())


def remap_croma(state: Mapping[str, Any], modality: str = "optical") -> dict[str, Tensor]:
    """Bring a checkpoint into the network's layout.

    Args:
        state: the checkpoint: five dictionaries of weights by the name of their part.
        modality: which of its encoders is wanted.

    Raises:
        NotFoundError: there is no such modality.
        UnreadableFileError: a part is missing or unknown.
    """
    croma_preprocessing(modality)
    absent = [part for part in _PARTS if not isinstance(state.get(part), Mapping)]
    if absent:
        raise UnreadableFileError(
            f"The checkpoint has no weights of {', '.join(absent)}; it has {sorted(state)[:6]}. "
            "Expected a file such as CROMA_base.pt."
        )
    flat: dict[str, Any] = {}
    for part, weights in state.items():
        if isinstance(weights, Mapping):
            flat |= {f"{part}.{key}": value for key, value in weights.items()}
        else:
            flat[part] = weights
    kept = rf"((?:{'|'.join(_PARTS)})\..*)"
    return renamed(flat, ((kept, r"network.\1"),), DROPPED[modality])


def infer_croma(state: Mapping[str, Tensor], base: CromaConfig | None = None) -> CromaConfig:
    """Return the sizes of remapped weights; the input size is taken from ``base``.

    Raises:
        UnreadableFileError: a tensor that shows a size is missing.
    """
    optical = any(key.startswith("network.s2_encoder.") for key in state)
    joint = any(key.startswith("network.joint_encoder.") for key in state)
    branch = "s2" if optical else "s1"
    layers = count(state, rf"network\.{branch}_encoder\.transformer\.layers\.(\d+)\.")
    return dataclasses.replace(
        base or CromaConfig(),
        modality="joint" if joint else "optical" if optical else "sar",
        dim=needed(state, f"network.{branch}_encoder.linear_input.weight").shape[0],
        layers=layers if optical else 2 * layers,
    )
