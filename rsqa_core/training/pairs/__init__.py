"""Image-caption pairs for contrastive training, from tables, tar shards, boxes and masks."""

from rsqa_core.training.pairs.pair import (
    LeftOut,
    PairEntry,
    PairSource,
    PickedPair,
    pick,
)

__all__ = ["LeftOut", "PairEntry", "PairSource", "PickedPair", "pick"]
