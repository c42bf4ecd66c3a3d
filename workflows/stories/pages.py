"""A story as PDF, a page a slide."""

from __future__ import annotations

import io

from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure as Drawing
from PIL import Image, ImageOps

from workflows.reports.blocks import (
    Block,
    Figure,
    Gallery,
    Legend,
    Picture,
    Report,
    Section,
    Table,
    Text,
)
from workflows.reports.pdf import as_pdf as report_as_pdf
from workflows.stories.layers import SIDE_PX
from workflows.stories.slides import (
    Deck,
    FiguresSlide,
    ImageSlide,
    Layer,
    MapSlide,
    PlotSlide,
    Slide,
    percent,
)

WIDTH_MM, HEIGHT_MM = 261.0, 118.0
"""Room for a picture on a page across, below title and text."""
_OPACITY = 0.62


def as_pdf(deck: Deck) -> bytes:
    """Return the story as PDF; an image has its best candidate beside it."""
    sections = tuple(Section(slide.title, tuple(_blocks(slide))) for slide in deck.slides)
    subtitle = "\n".join(words for words in (deck.lead, deck.remark) if words)
    return report_as_pdf(Report(deck.title, subtitle, sections), slides=True)


def _blocks(slide: Slide) -> list[Block]:
    blocks: list[Block] = [Text(slide.lead)] if slide.lead else []
    if isinstance(slide, FiguresSlide):
        rows = tuple((name, figure) for figure, name in slide.figures)
        return [*blocks, Table(("", ""), rows)]
    if isinstance(slide, PlotSlide):
        return [*blocks, _fitted(slide.plot)]
    if isinstance(slide, MapSlide):
        colours = tuple((name, _rgb(colour)) for colour, name in slide.legend)
        return [*blocks, _fitted(Figure(_map_png(slide), "")), Legend(colours)]
    return [*blocks, *_image(slide)]


def _image(slide: ImageSlide) -> list[Block]:
    ground = Image.open(io.BytesIO(slide.jpeg)).convert("RGB")
    pictures = [Picture(_square(ground), slide.title)]
    for layer in slide.layers[:1]:
        mask = Image.open(io.BytesIO(layer.png)).convert("RGBA")
        cover = mask.getchannel("A").point(lambda value: round(_OPACITY * value))
        shown = ground.copy()
        shown.paste(mask.convert("RGB"), mask=cover)
        pictures.append(Picture(_square(shown), _caption(layer)))
    return [Gallery(tuple(pictures), 2), Legend(slide.legend)]


def _caption(layer: Layer) -> str:
    score = layer.score
    if score is None:
        return layer.segmenter
    interval = f"{percent(score.low)} to {percent(score.high)}"
    words = f"{layer.segmenter}: {percent(score.score)} ({interval})"
    return words if layer.label is None else f"{words}, expert {percent(layer.label)}"


def _square(picture: Image.Image) -> bytes:
    fitted = ImageOps.pad(picture, (SIDE_PX, SIDE_PX), color=(255, 255, 255))
    stream = io.BytesIO()
    fitted.save(stream, format="JPEG", quality=85)
    return stream.getvalue()


def _fitted(figure: Figure) -> Figure:
    """Return the figure as wide as the page allows its height."""
    with Image.open(io.BytesIO(figure.png)) as picture:
        width, height = picture.size
    share = min(1.0, HEIGHT_MM * width / height / WIDTH_MM)
    return Figure(figure.png, figure.caption, share)


def _map_png(slide: MapSlide) -> bytes:
    drawing = Drawing(figsize=(7.0, max(0.6, min(7.0 * slide.height, 7.0))), layout="constrained")
    axes = drawing.add_subplot()
    axes.add_collection(
        PolyCollection(
            [outline.points for outline in slide.outlines],
            facecolors=[outline.colour for outline in slide.outlines],
            edgecolors="white",
            linewidths=0.4,
        )
    )
    axes.set(xlim=(0, 1), ylim=(slide.height, 0), aspect="equal")
    axes.set_axis_off()
    stream = io.BytesIO()
    drawing.savefig(stream, format="png", dpi=150, metadata={"Software": None})
    return stream.getvalue()


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
