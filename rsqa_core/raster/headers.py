"""What a raster file says about itself before a pixel is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rsqa_core.errors import UnreadableFileError

RasterFormat = Literal["JPEG", "PNG", "TIFF"]
Transform = tuple[float, float, float, float, float, float]
Color = tuple[int, int, int]

_LONGEST_NAME = 40

_SIGNATURES: tuple[tuple[bytes, RasterFormat], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)


@dataclass(frozen=True, slots=True)
class RasterHeader:
    """Size, bands and georeference of a raster file.

    ``bands`` leaves out an alpha band. ``palette`` holds the embedded colours of an index image
    opened as a mask, by index. ``lossy`` says that the compression changes values. ``transform``
    is the affine (a, b, c, d, e, f) from pixel to CRS coordinates, None without a georeference.
    ``band_names`` has what the file says of each band, empty where it says nothing of any.
    """

    format: RasterFormat
    width_px: int
    height_px: int
    bands: int
    dtype: str
    has_alpha: bool = False
    palette: tuple[Color, ...] | None = None
    lossy: bool = False
    nodata: float | None = None
    crs: str | None = None
    transform: Transform | None = None
    band_names: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> RasterHeader:
        palette, transform = values["palette"], values["transform"]
        return cls(
            **{
                **values,
                "palette": None if palette is None else tuple(tuple(c) for c in palette),
                "transform": None if transform is None else tuple(transform),
                "band_names": tuple(values["band_names"]),
            }
        )


def sniff_format(path: Path) -> RasterFormat:
    """Return the format that the file's first bytes show, whatever its name says.

    Raises:
        UnreadableFileError: it is no regular file, is empty, or begins like no JPEG, PNG or TIFF.
    """
    if not path.is_file():
        raise UnreadableFileError("it is not a regular file")
    with path.open("rb") as stream:
        start = stream.read(16)
    for signature, name in _SIGNATURES:
        if start.startswith(signature):
            return name
    if not start:
        raise UnreadableFileError("the file is empty; copy it again from its source")
    text = "text" if all(b in b"\t\n\r" or 32 <= b < 127 for b in start) else "other data"
    raise UnreadableFileError(
        f"expected a JPEG, PNG or TIFF file, but it begins with {text} ({start[:8]!r}); "
        "copy it again from its source or remove it"
    )


def band_names(descriptions: Sequence[str | None], colours: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each band from what its file says of it, "" where that is nothing.

    Args:
        descriptions: of the bands.
        colours: GDAL's colour interpretation of each, by its name in lower case.
    """
    names = []
    for description, colour in zip(descriptions, colours, strict=True):
        text = description or (colour if colour in ("red", "green", "blue", "nir") else "")
        names.append("".join(c for c in text if c.isprintable()).strip()[:_LONGEST_NAME])
    return tuple(names)
