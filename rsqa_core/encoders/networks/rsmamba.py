"""RSMamba: a Mamba over overlapping patches, read in three orders that a gate weighs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.encoders.networks.checkpoints import count, needed, renamed, unwrapped
from rsqa_core.encoders.networks.inputs import BandPreprocessing, check_batch
from rsqa_core.encoders.networks.selective_scan import Mixer
from rsqa_core.errors import InvalidInputError

_NORMALISATION = {
    "aid": ((101.02608706, 103.9996994, 93.50157708), (40.36728927, 37.11132278, 35.90649976)),
    "nwpu": ((93.847266, 97.20128819, 87.66547902), (37.10216765, 34.61650149, 33.70191772)),
    "ucm": ((123.770241, 125.41281689, 115.35737613), (44.17314347, 41.63589266, 39.5737929)),
}
PREPROCESSING = {
    data_set: BandPreprocessing(
        size_px=224,
        bands=("red", "green", "blue"),
        offset=offset,
        scale=scale,
        interpolation="bicubic",
    )
    for data_set, (offset, scale) in _NORMALISATION.items()
}
"""By the data set of the training, for values 0..255. The authors resize the shorter edge to 256
and crop the centre; here the whole image is resized, so that none of it is left out."""

STAND_INS = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    "builtins.getattr",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
)
"""What the training framework's own record, beside the weights in a checkpoint, is made of."""

DROPPED = (r"head\..*", r"neck\..*", r"data_preprocessor\..*")


@dataclass(frozen=True, slots=True)
class RSMambaConfig:
    """Sizes of an RSMamba; the defaults are the base model's.

    Attributes:
        bands: number of input bands.
        size_px: side of the input.
        patch_px: side of a patch.
        stride_px: distance of two patches; smaller than a patch, they overlap.
        tokens: number of patches. It says whether the input is padded at the right and the bottom
            so that there is a patch at every stride (784 at the default sizes, as the authors'
            code makes them), or not (729).
        dim: length of a token, and of the embedding.
        inner: length inside a mixer.
        layers: number of mixers.
        states: state variables of each inner channel.
        dt_rank: rank of the step sizes.
        kernel: length of the causal convolution.
        paths: 2 reads forward and in reverse, 3 in a shuffled order too.
        shuffle_seed: seeds the orders. The authors draw new ones at every call, so the same image
            gives another embedding each time; here it does not.
    """

    bands: int = 3
    size_px: int = 224
    patch_px: int = 16
    stride_px: int = 8
    tokens: int = 784
    dim: int = 192
    inner: int = 384
    layers: int = 24
    states: int = 16
    dt_rank: int = 12
    kernel: int = 4
    paths: int = 3
    shuffle_seed: int = 0


class RSMamba(nn.Module):
    """The backbone; ``forward`` gives pooled vectors and the grid of patches."""

    def __init__(self, config: RSMambaConfig) -> None:
        super().__init__()
        self.config = config
        self.padding_px, self.side = _geometry(config)
        dim, paths = config.dim, config.paths
        self.patch_embed = nn.Conv2d(
            config.bands, dim, config.patch_px, config.stride_px, bias=False
        )
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, config.tokens, dim))
        self.layers = nn.ModuleList(
            Mixer(dim, config.inner, config.states, config.dt_rank, config.kernel)
            for _ in range(config.layers)
        )
        self.gates = nn.ModuleList(
            nn.Linear(paths * dim, paths, bias=False) for _ in range(config.layers)
        )
        # One norm for all layers: so it is in the original.
        self.pre_norm = nn.LayerNorm(dim, eps=1e-6)
        self.ln1 = nn.LayerNorm(dim, eps=1e-6)
        self.ln2 = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode (N, C, S, S) float32 images.

        Returns:
            (N, D) pooled vectors, and (N, h, w, D) tokens before the last norm of the pooled ones.
        """
        check_batch(images, self.config.bands, self.config.size_px)
        padded = functional.pad(images, (0, self.padding_px, 0, self.padding_px))
        x: Tensor = self.patch_embed(padded).flatten(2).transpose(1, 2) + self.pos_embed
        draw = torch.Generator().manual_seed(self.config.shuffle_seed)
        for mixer, gate in zip(self.layers, self.gates, strict=True):
            x = x + self._mixed(x, mixer, gate, draw)
        x = self.ln1(x)
        return self.ln2(x.mean(1)), torch.unflatten(x, 1, (self.side, self.side))

    def _mixed(self, x: Tensor, mixer: nn.Module, gate: nn.Module, draw: torch.Generator) -> Tensor:
        """Read the tokens along every path, and weigh the readings by the gate."""
        forward = torch.arange(x.shape[1])
        orders = [forward, forward.flip(0)]
        if self.config.paths == 3:
            orders.append(torch.randperm(x.shape[1], generator=draw))
        ordered = torch.cat([x[:, order] for order in orders])
        read = mixer(self.pre_norm(ordered)).chunk(len(orders))
        back = [part[:, order.argsort()] for part, order in zip(read, orders, strict=True)]
        weights = gate(torch.cat([part.mean(1) for part in back], -1)).softmax(-1)
        mixed: Tensor = (torch.stack(back, 1) * weights[:, :, None, None]).sum(1)
        return mixed


def _geometry(config: RSMambaConfig) -> tuple[int, int]:
    """Return the padding in pixels and the patches a side that give the number of tokens."""
    size, patch, stride = config.size_px, config.patch_px, config.stride_px
    plain = (size - patch) // stride + 1
    full = math.ceil(size / stride)
    if plain**2 == config.tokens:
        return 0, plain
    if full**2 == config.tokens:
        return max((full - 1) * stride + patch - size, 0), full
    raise InvalidInputError(
        f"Expected RSMamba to have {plain**2} or {full**2} tokens for {size} px in patches of "
        f"{patch} px every {stride} px, but got {config.tokens}. Check the stride and the size."
    )


def build_rsmamba(config: RSMambaConfig) -> nn.Module:
    """Return the untrained network.

    Raises:
        InvalidInputError: the number of tokens does not fit the sizes.
    """
    return RSMamba(config)


def remap_rsmamba(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring a checkpoint of mmpretrain into the network's layout.

    Args:
        state: the checkpoint with its ``state_dict``, or the latter itself.

    Raises:
        UnreadableFileError: a key is neither the backbone's nor among ``DROPPED``.
    """
    renames = (
        (r"backbone\.patch_embed\.projection\.weight", r"patch_embed.weight"),
        (r"backbone\.gate_layers\.(\d+)\.0\.weight", r"gates.\1.weight"),
        (
            r"backbone\.(layers\.\d+\.(?:A_log|D|conv1d\.weight|conv1d\.bias|in_proj\.weight"
            r"|x_proj\.weight|dt_proj\.weight|dt_proj\.bias|out_proj\.weight))",
            r"\1",
        ),
        (r"backbone\.(pos_embed|(?:pre_norm|ln1|ln2)\.(?:weight|bias))", r"\1"),
    )
    return renamed(unwrapped(state, "state_dict"), renames, DROPPED)


def infer_rsmamba(state: Mapping[str, Tensor], base: RSMambaConfig | None = None) -> RSMambaConfig:
    """Return the sizes of remapped weights; what no shape shows is taken from ``base``.

    Raises:
        UnreadableFileError: a tensor that shows a size is missing.
    """
    patches = needed(state, "patch_embed.weight")
    rates = needed(state, "layers.0.A_log")
    return dataclasses.replace(
        base or RSMambaConfig(),
        bands=patches.shape[1],
        patch_px=patches.shape[2],
        tokens=needed(state, "pos_embed").shape[1],
        dim=patches.shape[0],
        inner=rates.shape[0],
        layers=count(state, r"layers\.(\d+)\."),
        states=rates.shape[1],
        dt_rank=needed(state, "layers.0.dt_proj.weight").shape[1],
        kernel=needed(state, "layers.0.conv1d.weight").shape[2],
        paths=needed(state, "gates.0.weight").shape[0],
    )
