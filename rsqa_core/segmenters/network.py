"""Load, save and run segmentation networks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.files import write_atomically
from rsqa_core.segmenters.architectures import build_network
from rsqa_core.segmenters.specs import SEGMENTERS, SegmenterSpec, segmenter_spec
from rsqa_core.state_dicts import misfit

WEIGHTS_DIR = Path(__file__).resolve().parents[1] / "weights" / "segmenters"
MAX_SIDE_PX = 2048
"""Longest side of an image that is run at once; larger ones are cut into review tiles first."""

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_STRIDE = 32
_REFERENCE = ("centroids", "pooled_mean", "pooled_precision")


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a segmenter gives for one image.

    Attributes:
        mask: (H, W) uint8 class ids, index into the segmenter's ``classes``.
        probs: (K, H, W) float32 after softmax, sums to 1 over classes.
        features: name: (C, h, w) float32 output of a tapped layer, h and w smaller than H and W.
    """

    mask: NDArray[np.uint8]
    probs: NDArray[np.float32]
    features: dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class FeatureReference:
    """How a segmenter's decoder features look on its training imagery.

    Attributes:
        centroids: (K, C) float32 unit vectors, mean decoder feature of each class's pixels.
        pooled_mean: (C,) float32 mean over images of the average decoder feature.
        pooled_precision: (C, C) float32 inverse of its shrunk covariance.
    """

    centroids: NDArray[np.float32]
    pooled_mean: NDArray[np.float32]
    pooled_precision: NDArray[np.float32]


class Segmenter(Protocol):
    """Anything that segments an image; ``fingerprint`` changes when its answers may.

    ``trained_on`` holds the SHA-256 of every source image that it saw, with its reference or
    without.
    """

    name: str
    fingerprint: str
    classes: tuple[str, ...]
    reference: FeatureReference | None
    trained_on: frozenset[str]

    def predict(self, rgb: NDArray[np.uint8]) -> Segmentation: ...


class FeatureTaps:
    """Forward hooks that keep the outputs of named submodules while the context is open."""

    def __init__(self, network: nn.Module, taps: tuple[tuple[str, str], ...]) -> None:
        self.outputs: dict[str, Tensor] = {}
        self._handles = []
        for name, path in taps:
            hook = self._keep(name)
            self._handles.append(network.get_submodule(path).register_forward_hook(hook))

    def _keep(self, name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            self.outputs[name] = output[-1] if isinstance(output, (list, tuple)) else output

        return hook

    def __enter__(self) -> FeatureTaps:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()


def normalise(rgb: Tensor) -> Tensor:
    """Turn (N, 3, H, W) values 0..255 into the networks' input range."""
    mean = torch.tensor(_MEAN, device=rgb.device).view(1, 3, 1, 1)
    std = torch.tensor(_STD, device=rgb.device).view(1, 3, 1, 1)
    return (rgb.float() / 255.0 - mean) / std


class NetworkSegmenter:
    """A trained network as a Segmenter. Deterministic on one machine."""

    def __init__(
        self,
        spec: SegmenterSpec,
        network: nn.Module,
        classes: tuple[str, ...],
        fingerprint: str,
        reference: FeatureReference | None,
        trained_on: Collection[str] = (),
    ) -> None:
        self.name = spec.name
        self.classes = classes
        self.fingerprint = fingerprint
        self.reference = reference
        self.trained_on = frozenset(trained_on)
        self._spec = spec
        self._network = network.eval().to(memory_format=torch.channels_last)

    def predict(self, rgb: NDArray[np.uint8]) -> Segmentation:
        """Segment one image.

        Args:
            rgb: (3, H, W) uint8.

        Raises:
            InvalidInputError: not (3, H, W) uint8, or a side longer than MAX_SIDE_PX.
        """
        if rgb.ndim != 3 or rgb.shape[0] != 3 or rgb.dtype != np.uint8:
            raise InvalidInputError(
                f"Expected `rgb` to be (3, H, W) uint8, but got {rgb.shape} {rgb.dtype}."
            )
        height, width = rgb.shape[1:]
        if max(height, width) > MAX_SIDE_PX:
            raise InvalidInputError(
                f"Expected an image of at most {MAX_SIDE_PX} px a side, but got {width}x{height}. "
                "Import it with a smaller --tile."
            )
        pad_h, pad_w = -height % _STRIDE, -width % _STRIDE
        padded = np.pad(rgb, ((0, 0), (0, pad_h), (0, pad_w)), mode="symmetric")
        batch = normalise(torch.from_numpy(np.ascontiguousarray(padded))[None])
        with (
            torch.inference_mode(),
            FeatureTaps(self._network, self._spec.taps) as taps,
        ):
            logits = self._network(batch.to(memory_format=torch.channels_last))
            probs = logits.softmax(dim=1)[0, :, :height, :width].float().numpy()
            features = {name: out[0].float().numpy() for name, out in taps.outputs.items()}
        return Segmentation(
            mask=probs.argmax(axis=0).astype(np.uint8),
            probs=np.ascontiguousarray(probs),
            features={name: np.ascontiguousarray(value) for name, value in features.items()},
        )


def save_segmenter(
    path: Path,
    spec: SegmenterSpec,
    network: nn.Module,
    classes: tuple[str, ...],
    reference: FeatureReference,
    trained_on: Collection[str] = (),
) -> None:
    """Write a segmenter as one safetensors file.

    It holds weights in half precision, classes, feature reference and the SHA-256 of every source
    image that the network trained on.
    """
    tensors = {
        f"network.{key}": value.half().contiguous() if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    for key in _REFERENCE:
        tensors[f"reference.{key}"] = torch.from_numpy(getattr(reference, key))
    metadata = {
        "rsqa_segmenter": spec.name,
        "classes": json.dumps(classes),
        "trained_on": json.dumps(sorted(trained_on)),
    }
    write_atomically(path, save(tensors, metadata=metadata))


def load_segmenter(path: Path) -> NetworkSegmenter:
    """Load a file that ``save_segmenter`` wrote.

    Raises:
        UnreadableFileError: not such a file, tensors missing or left over, or not finite.
    """
    try:
        content = path.read_bytes()
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors raises its own type for a bad header
        raise UnreadableFileError(
            f"Cannot read segmenter weights {path.name}: {error}. Expected a safetensors file "
            "written by `rsqa train-segmenter`."
        ) from error
    if metadata.get("rsqa_segmenter") not in SEGMENTERS:
        raise UnreadableFileError(
            f"{path.name} holds no known segmenter, but {metadata.get('rsqa_segmenter')!r}. "
            f"Expected one of {', '.join(SEGMENTERS)}."
        )
    bad = [k for k, v in tensors.items() if v.is_floating_point() and not v.isfinite().all()]
    if bad:
        raise UnreadableFileError(f"{path.name} holds values that are not finite, in {bad[0]!r}.")
    spec = segmenter_spec(metadata["rsqa_segmenter"])
    classes = tuple(str(name) for name in json.loads(metadata.get("classes", "[]")))
    network = build_network(spec, max(len(classes), 1))
    state = {
        key.removeprefix("network."): value.float() if value.is_floating_point() else value
        for key, value in tensors.items()
        if key.startswith("network.")
    }
    known = network.state_dict()
    wanted = {f"network.{key}": value for key, value in known.items()}
    # The reference's shapes follow from the network's taps; only that it is there is checked.
    wanted |= {
        key: tensors.get(key, torch.empty(0)) for key in map("reference.{}".format, _REFERENCE)
    }
    if wrong := misfit(wanted, tensors):
        raise UnreadableFileError(
            f"{path.name} does not fit {spec.name} with {len(classes)} classes: {wrong}. Train it "
            "again: rsqa train-segmenter."
        )
    network.load_state_dict(state)
    reference = FeatureReference(
        **{key: tensors[f"reference.{key}"].float().numpy() for key in _REFERENCE}
    )
    digest = hashlib.sha256(content).hexdigest()
    sources = [str(sha256) for sha256 in json.loads(metadata.get("trained_on", "[]"))]
    return NetworkSegmenter(spec, network, classes, digest, reference, sources)


def shipped_segmenters(folder: Path = WEIGHTS_DIR) -> list[NetworkSegmenter]:
    """Load every segmenter in ``folder``, by name."""
    return [load_segmenter(path) for path in sorted(folder.glob("*.safetensors"))]
