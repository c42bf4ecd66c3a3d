"""An image network behind the interface that the rest of RSQA knows encoders by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.encoders.networks.inputs import BandPreprocessing, pick_bands, prepare_bands
from rsqa_core.encoders.openclip import ImageFeatures
from rsqa_core.errors import InvalidInputError

BATCH = 8


class NetworkConfig(Protocol):
    """What every architecture's configuration (a frozen dataclass) has."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def bands(self) -> int:
        """Number of input bands."""

    @property
    def size_px(self) -> int:
        """Side of the input."""

    @property
    def dim(self) -> int:
        """Length of the embedding."""


class NetworkEncoder:
    """A frozen image network. It has no text tower.

    Equal weights, architecture and preprocessing give an equal ``fingerprint``.
    """

    has_text = False

    def __init__(
        self, name: str, model: nn.Module, config: NetworkConfig, preprocessing: BandPreprocessing
    ) -> None:
        """Take over a network.

        Args:
            name: what people call the encoder.
            model: (N, C, S, S) float32 to pooled (N, D), and (N, h, w, D) or None.
            config: what ``model`` was built from.
            preprocessing: how images become its input.

        Raises:
            InvalidInputError: network and preprocessing disagree on the bands or the size.
        """
        if (len(preprocessing.bands), preprocessing.size_px) != (config.bands, config.size_px):
            raise InvalidInputError(
                f"{name} takes {config.bands} bands of {config.size_px} px, but its preprocessing "
                f"makes {len(preprocessing.bands)} of {preprocessing.size_px} px."
            )
        self.name = name
        self.preprocessing = preprocessing
        self.dim = config.dim
        self.fingerprint = _fingerprint(model, config, preprocessing)
        self._model = model.eval()

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that the network takes, in its order."""
        return self.preprocessing.bands

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Refuse: there is nothing that could encode a text.

        Raises:
            InvalidInputError: always.
        """
        raise InvalidInputError(
            f"The encoder {self.name} has no text tower and cannot encode {len(texts)} texts. "
            "Choose an image-text encoder, such as rsqa-compact, for what needs text."
        )

    def encode_images(
        self, images: Sequence[NDArray[Any]], bands: Sequence[str] | None = None
    ) -> list[ImageFeatures]:
        """Encode images of any size.

        Args:
            images: each (C, H, W) numbers in the unit that the preprocessing names.
            bands: names of the images' bands, among which the network's own are picked; None says
                that they are the network's own, in its order.

        Raises:
            InvalidInputError: an image lacks a band, or holds values that are not finite.
        """
        ready = [
            prepare_bands(pick_bands(image, self.bands, bands), self.preprocessing)
            for image in images
        ]
        found: list[ImageFeatures] = []
        for start in range(0, len(ready), BATCH):
            batch = torch.from_numpy(np.stack(ready[start : start + BATCH]))
            with torch.inference_mode():
                pooled, grid = self._model(batch)
            rows = _unit(pooled)
            cells = [None] * len(rows) if grid is None else list(_unit(grid))
            found += [ImageFeatures(row, cell) for row, cell in zip(rows, cells, strict=True)]
        return found


def _unit(vectors: Tensor) -> NDArray[np.float32]:
    return np.asarray(functional.normalize(vectors.float(), dim=-1).numpy(), dtype=np.float32)


def _fingerprint(model: nn.Module, config: NetworkConfig, preprocessing: BandPreprocessing) -> str:
    digest = hashlib.sha256()
    described = [type(config).__name__, asdict(config), asdict(preprocessing)]
    digest.update(json.dumps(described, sort_keys=True).encode())
    digest.update(" ".join(type(module).__name__ for module in model.modules()).encode())
    for key, value in sorted(model.state_dict().items()):
        digest.update(f"{key} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()
