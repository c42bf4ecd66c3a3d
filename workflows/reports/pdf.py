"""A report as PDF, pages of A4."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos
from fpdf.fonts import FontFace
from PIL import Image

from workflows.reports.blocks import Block, Figure, Gallery, Legend, Report, Table, Text

_INK, _QUIET, _ACCENT = (29, 42, 48), (85, 100, 108), (11, 107, 130)
_MARGIN_MM = 18.0
_GAP_MM = 2.0
_LINE_MM = 4.6
_CAPTION_MM = 3.4
_FONT = "DejaVu"


def as_pdf(report: Report, *, slides: bool = False) -> bytes:
    """Return the report as PDF; its outline has the sections.

    ``slides`` gives every section a page of its own, across and in larger type.
    """
    pages = _Pages(report.title, slides)
    pages.set_title(report.title)
    pages.set_creator("RSQA")
    pages.add_page()
    if slides:
        pages.ln(55)
    pages.words(report.title, 20, bold=True)
    pages.words(report.subtitle, 9, colour=_QUIET)
    for section in report.sections:
        if slides:
            pages.add_page()
        pages.heading(section.title)
        for blocks in _lines(section.blocks):
            pages.place(blocks)
    return bytes(pages.output())


def _lines(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Yield blocks; figures that fit side by side together."""
    line: list[Block] = []
    filled = 0.0
    for block in blocks:
        width = block.width if isinstance(block, Figure) else 1.0
        if line and (filled + width > 1.0 or not isinstance(block, Figure)):
            yield line
            line, filled = [], 0.0
        line.append(block)
        filled += width
    if line:
        yield line


class _Pages(FPDF):
    """A document that knows how to set each block."""

    def __init__(self, title: str, slides: bool) -> None:
        super().__init__(format="A4", orientation="landscape" if slides else "portrait")
        self._slides = slides
        self._type = 1.5 if slides else 1.0
        fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"  # of every script that names come in
        self.add_font(_FONT, "", fonts / "DejaVuSans.ttf")
        self.add_font(_FONT, "B", fonts / "DejaVuSans-Bold.ttf")
        self.set_margin(_MARGIN_MM)
        self.set_auto_page_break(True, margin=_MARGIN_MM)
        self._running_title = title

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(_FONT, "", 7)
        self.set_text_color(*_QUIET)
        self.cell(0, 4, f"{self._running_title} – {self.page_no()}", align="R")

    def words(
        self,
        words: str,
        size: float,
        *,
        bold: bool = False,
        colour: tuple[int, int, int] = _INK,
    ) -> None:
        size *= self._type
        self.set_font(_FONT, "B" if bold else "", size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.52, words, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1.2)

    def heading(self, title: str) -> None:
        self._room_for(45)
        if self.get_y() > self.t_margin:
            self.ln(5)
        self.start_section(title)
        self.words(title, 13, bold=True, colour=_ACCENT)

    def place(self, blocks: list[Block]) -> None:
        """Set one block, or figures that stand side by side."""
        block = blocks[0]
        if isinstance(block, Text):
            self.words(
                block.words, 8 if block.quiet else 9.5, colour=_QUIET if block.quiet else _INK
            )
        elif isinstance(block, Table):
            self._table(block)
        elif isinstance(block, Figure):
            self._figures([one for one in blocks if isinstance(one, Figure)])
        elif isinstance(block, Legend):
            self._legend(block)
        else:
            self._gallery(block)

    def _table(self, block: Table) -> None:
        self.set_font(_FONT, "", 8 * self._type**2)
        self.set_text_color(*_INK)
        self.set_draw_color(216, 223, 227)
        named = any(block.header)
        columns = range(len(block.header))
        longest = [
            max(self.get_string_width(row[c]) for row in (block.header, *block.rows)) + 5
            for c in columns
        ]
        room = self.epw
        if sum(longest) > room:
            widest = max(columns, key=longest.__getitem__)
            longest[widest] = max(room - (sum(longest) - longest[widest]), 30)
        with self.table(
            width=min(sum(longest), room),
            col_widths=tuple(longest),
            align="LEFT",
            text_align=tuple("RIGHT" if c >= block.numbers_from else "LEFT" for c in columns),
            borders_layout="HORIZONTAL_LINES",
            headings_style=FontFace(emphasis="BOLD"),
            first_row_as_headings=named,
            line_height=_LINE_MM * self._type**2,
        ) as table:
            for line in [*([block.header] if named else []), *block.rows]:
                row = table.row()
                for value in line:
                    row.cell(value)
        self.ln(2)

    def _figures(self, blocks: list[Figure]) -> None:
        sizes = []
        for block in blocks:
            with Image.open(io.BytesIO(block.png)) as picture:
                wide, high = picture.size
            sizes.append((block.width * self.epw, block.width * self.epw * high / wide))
        tallest = max(height for _, height in sizes)
        self._room_for(tallest + 3 * _CAPTION_MM * self._type)
        left, top, lowest = self.l_margin, self.get_y(), self.get_y()
        for block, (width, height) in zip(blocks, sizes, strict=True):
            self.image(io.BytesIO(block.png), left, top, width, height, alt_text=block.caption)
            self.set_xy(left, top + tallest + 0.6)
            self.set_font(_FONT, "", 7.5 * self._type)
            self.set_text_color(*_QUIET)
            self.multi_cell(width, _CAPTION_MM * self._type, block.caption, align="L")
            lowest = max(lowest, self.get_y())
            left += width + _GAP_MM
        self.set_xy(self.l_margin, lowest + 2)

    def _legend(self, block: Legend) -> None:
        self.set_font(_FONT, "", 7.5 * self._type)
        self.set_text_color(*_INK)
        for name, colour in block.entries:
            if self.get_x() + self.get_string_width(name) + 9 > self.w - self.r_margin:
                self.ln(_LINE_MM * self._type)
            self.set_fill_color(*colour)
            side = 2.8 * self._type
            self.rect(self.get_x(), self.get_y() + 0.25 * side, side, side, style="F")
            self.set_x(self.get_x() + side + 0.8)
            self.cell(self.get_string_width(name) + 5, _LINE_MM * self._type, name)
        self.set_fill_color(255, 255, 255)  # tables are filled with it
        self.ln(_LINE_MM * self._type + 1)

    def _gallery(self, block: Gallery) -> None:
        side = (self.epw - _GAP_MM * (block.columns - 1)) / block.columns
        captions = 3 * _CAPTION_MM * self._type
        if self._slides:  # all on this page, with room for a legend
            side = min(
                side, self.h - self.b_margin - self.get_y() - captions - 2 * _LINE_MM * self._type
            )
        for start in range(0, len(block.pictures), block.columns):
            self._room_for(side + captions)
            top = self.get_y()
            for place, picture in enumerate(block.pictures[start : start + block.columns]):
                left = self.l_margin + place * (side + _GAP_MM)
                self.image(
                    io.BytesIO(picture.jpeg), left, top, side, side, alt_text=picture.caption
                )
                self.set_xy(left, top + side + 0.6)
                self.set_font(_FONT, "", 6 * self._type)
                self.set_text_color(*_QUIET)
                self.multi_cell(
                    side,
                    _CAPTION_MM * 0.85 * self._type,
                    picture.caption,
                    align="L",
                    wrapmode=WrapMode.CHAR,
                )
            self.set_xy(self.l_margin, top + side + captions)

    def _room_for(self, height_mm: float) -> None:
        """Begin a page where less than ``height_mm`` is left of this one."""
        if self.will_page_break(height_mm):
            self.add_page()
