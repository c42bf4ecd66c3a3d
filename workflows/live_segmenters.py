"""The segmenters that can run on a project: shipped networks, and those made from an encoder."""

from __future__ import annotations

from collections.abc import Sequence
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
        encoder_name: of their encoder; None takes the shipped one.

    Raises:
        NotFoundError: a name is neither a shipped network nor a segmenter made from an encoder.
    """
    from rsqa_core.encoders import openclip
    from rsqa_core.features.semantic import SemanticDescriber
    from rsqa_core.segmenters import network
    from rsqa_core.segmenters.encoder_based import ENCODER_SEGMENTERS, encoder_segmenter

    shipped: dict[str, Segmenter] = {s.name: s for s in network.shipped_segmenters()}
    for name in names:
        if name not in shipped and name not in ENCODER_SEGMENTERS:
            raise NotFoundError.named("segmenter", name, [*shipped, *ENCODER_SEGMENTERS])
    made: dict[str, Segmenter] = {}
    wanted = [name for name in names if name in ENCODER_SEGMENTERS]
    if wanted:
        settings = installation.settings
        encoder = openclip.load_encoder(
            encoder_name or openclip.COMPACT,
            cache_dir=settings.home / "encoders",
            offline=settings.offline,
        )
        vectors = SemanticDescriber(encoder).class_vectors(classes)
        made = {name: encoder_segmenter(name, encoder, tuple(classes), vectors) for name in wanted}
    return [made[name] if name in made else shipped[name] for name in names]
