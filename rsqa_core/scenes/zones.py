"""The zones by name: each fills one block of the plan."""

from __future__ import annotations

from collections.abc import Callable

from rsqa_core.scenes import countryside, housing, industry
from rsqa_core.scenes.plan import Block
from rsqa_core.scenes.site import Site

ZONES: dict[str, Callable[[Site, Block], None]] = {
    "villas": housing.villas,
    "apartments": housing.apartments,
    "informal": housing.informal,
    "old_town": housing.old_town,
    "warehouses": industry.warehouses,
    "mall": industry.mall,
    "construction": industry.construction,
    "yard": industry.yard,
    "tanks": industry.tanks,
    "park": countryside.park,
    "golf": countryside.golf,
    "forest": countryside.forest,
    "thicket": countryside.thicket,
    "fields": countryside.fields,
    "orchard": countryside.orchard,
    "farmstead": countryside.farmstead,
    "vacant": countryside.vacant,
}
