"""Segmenters from weights that others released."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from rsqa_core.errors import UnreadableFileError
from rsqa_core.segmenters.architectures import build_network
from rsqa_core.segmenters.farseg import RELEASED_BACKBONE, RELEASED_CLASSES, read_release
from rsqa_core.segmenters.network import NetworkSegmenter
from rsqa_core.segmenters.specs import segmenter_spec
from rsqa_core.state_dicts import misfit


def load_released_farseg(path: Path) -> NetworkSegmenter:
    """Load the released FarSeg weights (iSAID, 16 classes) as they are.

    The imagery that it trained on is unknown, so it has no reference of features.

    Raises:
        UnreadableFileError: the file has another form or does not fit.
        MissingExtraError: torchgeo is not installed.
    """
    spec = segmenter_spec(f"farseg-{RELEASED_BACKBONE}")
    state = {key: value.float() for key, value in read_release(path).items()}
    classes = state["decoder.classifier.0.bias"].shape[0]
    if classes != len(RELEASED_CLASSES):
        raise UnreadableFileError(
            f"{path.name} holds FarSeg with {classes} classes. Expected the released one with "
            f"{len(RELEASED_CLASSES)}, those of iSAID."
        )
    network = build_network(spec, classes)
    known = network.state_dict()
    counters = [key for key in known if key.endswith("num_batches_tracked")]
    if wrong := misfit(known, state, counters):
        raise UnreadableFileError(
            f"{path.name} does not fit {spec.name}: {wrong}. Expected the released farseg50.pth."
        )
    network.load_state_dict(known | state)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return NetworkSegmenter(spec, network, RELEASED_CLASSES, digest, None)


RELEASED: Mapping[str, Callable[[Path], NetworkSegmenter]] = MappingProxyType(
    {f"farseg-{RELEASED_BACKBONE}": load_released_farseg}
)
"""Who loads the released weights of a network, by its name."""
