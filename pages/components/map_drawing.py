"""Images of a project on a map, coloured by how they stand."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.api import API_ROOT
from pages.api.leaflet import leaflet_address
from pages.components.queue_address import STATUS_NAMES
from rsqa_core.datasets.safe_colours import UNKNOWN_COLOUR, quality_colour, quality_legend
from rsqa_core.records import ImageRecord, ImageStatus

if TYPE_CHECKING:
    import folium

Ring = Sequence[tuple[float, float]]
Box = tuple[list[float], list[float]]

# Okabe and Ito's colours: every common form of colour blindness tells them apart.
STATUS_COLOURS: dict[ImageStatus, str] = {
    "open": UNKNOWN_COLOUR,
    "reviewed": "#0072b2",
    "skipped": "#e69f00",
    "flagged": "#d55e00",
    "none_acceptable": "#cc79a7",
    "accepted": "#56b4e9",
}
LARGEST_ZOOM = 22
MANY = 200
"""Images whose outlines would hide what lies under them, were they of the usual width."""
LEAST_SHARE = 0.01
"""Of the map's extent: what is smaller gets a thick outline."""


@dataclass(frozen=True, slots=True)
class Colouring:
    """What the colours say: a name for the chooser, and the value of an image, None if unknown.

    ``value`` gives a number in 0..1; the colouring by status has none.
    """

    name: str
    value: Callable[[ImageRecord], float | None] | None = None

    def colour(self, image: ImageRecord) -> str:
        """Return the fill of an image."""
        if self.value is None:
            return STATUS_COLOURS[image.status]
        return quality_colour(self.value(image))

    def legend(self) -> list[tuple[str, str]]:
        """Return (colour, what it says)."""
        if self.value is None:
            return [(STATUS_COLOURS[status], name) for status, name in STATUS_NAMES.items()]
        return quality_legend()


COLOURINGS = {
    "status": Colouring("Status"),
    "best": Colouring("Best predicted quality", lambda image: image.best_score),
    "uncertainty": Colouring("Uncertainty", lambda image: image.uncertainty),
    "disagreement": Colouring("Disagreement of candidates", lambda image: image.disagreement),
}


def draw_map(
    images: Sequence[ImageRecord],
    rings: Mapping[int, Ring],
    colouring: Colouring,
    *,
    on_globe: bool,
    tiles: str | None = None,
    finest: int = 0,
    with_background: bool,
) -> folium.Map:
    """Return a map of those images that have an outline.

    Args:
        rings: outlines by image id, (longitude, latitude) or (x, y) of a plan.
        on_globe: whether they are longitudes and latitudes.
        tiles: address of the tiles that lie under the outlines, None for none.
        finest: the zoom at which these show every px; closer, they are enlarged.
        with_background: streets from OpenStreetMap's servers, the only connection to outside.
    """
    import folium

    made = folium.Map(
        tiles="OpenStreetMap" if with_background and on_globe else None,
        crs="EPSG3857" if on_globe else "Simple",
        zoom_control=True,
        control_scale=on_globe,
        attributionControl=with_background,
    )
    # Folium hands these to a background layer alone, and there may be none.
    lowest, highest = (0, LARGEST_ZOOM) if on_globe else (-8, 4)
    made.options |= {"minZoom": lowest, "maxZoom": highest}
    made.options["zoomSnap"] = 0.25
    # Only what is drawn with, and from the app itself: folium's own list names foreign servers.
    made.default_js = [("leaflet", leaflet_address(API_ROOT, "leaflet.js"))]
    made.default_css = [("leaflet_css", leaflet_address(API_ROOT, "leaflet.css"))]
    shown = [image for image in images if image.id in rings]
    if tiles is not None:
        folium.TileLayer(
            tiles=tiles,
            attr="RSQA",
            name="RSQA",
            overlay=True,
            control=False,
            min_zoom=lowest,
            max_zoom=highest,
            max_native_zoom=max(lowest, min(finest, highest)),
        ).add_to(made)
    boxes = {image.id: _bounds(rings[image.id]) for image in shown}
    smallest = 0.0
    usual = 2.0 if len(shown) <= MANY or tiles is None else 0.5
    if boxes:
        extent = [
            [min(low[axis] for low, _ in boxes.values()) for axis in (0, 1)],
            [max(high[axis] for _, high in boxes.values()) for axis in (0, 1)],
        ]
        made.fit_bounds(extent)
        smallest = LEAST_SHARE * max(extent[1][axis] - extent[0][axis] for axis in (0, 1))
    folium.GeoJson(
        {
            "type": "FeatureCollection",
            "features": [
                _feature(image, rings[image.id], colouring, smallest, boxes[image.id], usual)
                for image in shown
            ],
        },
        style_function=lambda feature: {
            "color": feature["properties"]["colour"],
            "fillColor": feature["properties"]["colour"],
            "weight": feature["properties"]["weight"],
            "fillOpacity": 0.6 if tiles is None else 0.1,
        },
        tooltip=folium.GeoJsonTooltip(["image", "status", "best"], ["Image", "Status", "Best"]),
    ).add_to(made)
    return made


def draw_legend(entries: Sequence[tuple[str, str]]) -> None:
    """Say in one line what colours mean: (CSS colour, what it says)."""
    line = "".join(
        '<span style="display:inline-flex;align-items:center;gap:6px;margin-right:16px">'
        f'<span style="width:12px;height:12px;border-radius:2px;background:{colour}"></span>'
        f"{html.escape(text)}</span>"
        for colour, text in entries
    )
    st.html(f'<div style="font-size:13px">{line}</div>')


def _feature(
    image: ImageRecord,
    ring: Ring,
    colouring: Colouring,
    smallest: float,
    box: Box,
    usual: float,
) -> dict[str, Any]:
    (south, west), (north, east) = box
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[list(point) for point in ring]]},
        "properties": {
            "id": image.id,
            "image": image.name,
            "status": STATUS_NAMES[image.status],
            "best": "–" if image.best_score is None else f"{image.best_score:.0%}",
            "colour": colouring.colour(image),
            # A far view makes a point of a small image: its outline keeps it in sight.
            "weight": usual if max(north - south, east - west) > smallest else 10,
        },
    }


def _bounds(ring: Ring) -> Box:
    """Return the south-west and the north-east corner, as Leaflet orders them: y before x."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return [min(ys), min(xs)], [max(ys), max(xs)]
