"""The segmenters that need an encoder and class names, and nothing trained of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rsqa_core.errors import NotFoundError
from rsqa_core.segmenters.cluster_classes import ClusterSegmenter
from rsqa_core.segmenters.network import Segmenter
from rsqa_core.segmenters.token_view import Array, TokenEncoder
from rsqa_core.segmenters.zero_shot import ZeroShotSegmenter


@dataclass(frozen=True, slots=True)
class EncoderSegmenterSpec:
    """One such segmenter.

    Attributes:
        name: what candidates of it are called.
        make: called with name, encoder, class names, their (K, D) prompt vectors, and the source
            images that the encoder is known to have seen.
        why: what makes it differ from the others.
    """

    name: str
    make: Callable[[str, TokenEncoder, tuple[str, ...], Array, Collection[str]], Segmenter]
    why: str


_SPECS = (
    EncoderSegmenterSpec(
        name="zero-shot-patches",
        make=ZeroShotSegmenter,
        why="each place by the words its token is closest to: knows classes, not outlines",
    ),
    EncoderSegmenterSpec(
        name="autoencoder-kmeans",
        make=ClusterSegmenter,
        why="clusters of colour and texture, named by the encoder: outlines without knowledge",
    ),
)

ENCODER_SEGMENTERS: Mapping[str, EncoderSegmenterSpec] = MappingProxyType(
    {spec.name: spec for spec in _SPECS}
)


def encoder_segmenter(
    name: str,
    encoder: TokenEncoder,
    classes: tuple[str, ...],
    vectors: Array,
    trained_on: Collection[str] = (),
) -> Segmenter:
    """Return the segmenter called ``name`` for ``classes``.

    Args:
        encoder: gives tokens in the space of its texts.
        classes: class names by id.
        vectors: (K, D) float32 unit vectors of the classes' prompts by that encoder.
        trained_on: SHA-256 of source images that the encoder is known to have seen.

    Raises:
        NotFoundError: no such segmenter.
    """
    if name not in ENCODER_SEGMENTERS:
        raise NotFoundError.named("segmenter that needs an encoder", name, ENCODER_SEGMENTERS)
    return ENCODER_SEGMENTERS[name].make(name, encoder, classes, vectors, trained_on)
