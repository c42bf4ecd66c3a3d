"""What a story is made of, whatever file it becomes."""

from __future__ import annotations

from dataclasses import dataclass

from rsqa_core.records import Score
from workflows.reports.blocks import Figure


@dataclass(frozen=True, slots=True)
class FiguresSlide:
    """A few large figures: (figure, what it is)."""

    title: str
    lead: str
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PlotSlide:
    """A plot."""

    title: str
    lead: str
    plot: Figure


@dataclass(frozen=True, slots=True)
class Outline:
    """An image on a map: corners (x, y) in 0..1 from the top left, CSS colour, name."""

    points: tuple[tuple[float, float], ...]
    colour: str
    name: str


@dataclass(frozen=True, slots=True)
class MapSlide:
    """Where images lie.

    Attributes:
        height: of the map as a share of its width; ``points`` have x in 0..1 and y in 0..height.
        legend: (CSS colour, what it says).
    """

    title: str
    lead: str
    outlines: tuple[Outline, ...]
    height: float
    legend: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A candidate over its image.

    Attributes:
        segmenter: name.
        png: its mask in colours, transparent where it has no class.
        score: predicted quality with its interval; None without a prediction.
        label: mean score that reviewers gave, 0..1; None where nobody did.
        recommended: whether it is the one to take.
    """

    segmenter: str
    png: bytes
    score: Score | None
    label: float | None
    recommended: bool


@dataclass(frozen=True, slots=True)
class ImageSlide:
    """An image with its candidates, the best first.

    Attributes:
        jpeg: the image, of ``width_px`` x ``height_px``.
        legend: class and (red, green, blue) in 0..255.
    """

    title: str
    lead: str
    jpeg: bytes
    width_px: int
    height_px: int
    layers: tuple[Layer, ...]
    legend: tuple[tuple[str, tuple[int, int, int]], ...]


def percent(share: float) -> str:
    """Return a share as it is written on slides.

    Example:
        >>> percent(0.674)
        '67 %'
    """
    return f"{100 * share:.0f} %"


Slide = FiguresSlide | PlotSlide | MapSlide | ImageSlide


@dataclass(frozen=True, slots=True)
class Deck:
    """A whole story.

    Attributes:
        title: the first slide's.
        lead: below it.
        remark: one line: what it is made of, when, by which version.
        slides: those that follow.
    """

    title: str
    lead: str
    remark: str
    slides: tuple[Slide, ...]
