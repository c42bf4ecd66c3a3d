"""The segmenters that can run on a project: networks, and those made from an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rsqa_core.errors import NotFoundError
from workflows.opening import Installation

if TYPE_CHECKING:
    from rsqa_core.segmenters.network import Segmenter


def live_segmenters(
    installation: Installation,
    classes: Sequence[str],
    names: Sequence[str],
    encoder_name: str | None = None,
) -> list[Segmenter]:
    """Return the segmenters called ``names``, in that order.

    Args:
        classes: class names of the project, which those made from an encoder segment into.
        names: a shipped network, a segmenter made from an encoder, or NAME:FILE for a network's
            released weights.
        encoder_name: of the encoder; None takes the shipped one.

    Raises:
        NotFoundError: a name is none of these.
        UnreadableFileError: a file does not hold the released weights.
    """
    from rsqa_core.segmenters import network
    from rsqa_core.segmenters.encoder_based import ENCODER_SEGMENTERS
    from rsqa_core.segmenters.released import RELEASED

    found: dict[str, Segmenter] = {s.name: s for s in network.shipped_segmenters()}
    known = [*found, *ENCODER_SEGMENTERS, *(f"{name}:FILE" for name in RELEASED)]
    for name in names:
        before, colon, file = name.partition(":")
        if colon and before in RELEASED:
            found[name] = RELEASED[before](Path(file))
        elif name not in found and name not in ENCODER_SEGMENTERS:
            raise NotFoundError.named("segmenter", name, known)
    wanted = [name for name in names if name in ENCODER_SEGMENTERS]
    if wanted:
        found |= _from_encoder(installation, tuple(classes), wanted, encoder_name)
    return [found[name] for name in names]


def _from_encoder(
    installation: Installation,
    classes: tuple[str, ...],
    names: Sequence[str],
    encoder_name: str | None,
) -> dict[str, Segmenter]:
    from rsqa_core.encoders import openclip
    from rsqa_core.features.semantic import SemanticDescriber
    from rsqa_core.segmenters.encoder_based import encoder_segmenter

    settings = installation.settings
    encoder = openclip.load_encoder(
        encoder_name or openclip.COMPACT,
        cache_dir=settings.encoders_dir,
        offline=settings.offline,
        hub=settings.model_hub,
    )
    vectors = SemanticDescriber(encoder).class_vectors(classes)
    return {name: encoder_segmenter(name, encoder, classes, vectors) for name in names}
