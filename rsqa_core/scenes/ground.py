"""Open ground: soil, lawns, fields with furrows, paving, golf courses, building sites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rsqa_core.scenes.canvas import LAND, ROAD, VEGETATION, Canvas, clipped, jittered
from rsqa_core.scenes.looks import Color
from rsqa_core.scenes.noise import Field, NoiseBank, Rng
from rsqa_core.scenes.palette import Palette
from rsqa_core.scenes.plan import Patch

MATERIAL_CLASS = {
    "lawn": VEGETATION, "crop": VEGETATION, "golf": VEGETATION, "understorey": VEGETATION,
    "yard": LAND, "soil_field": LAND, "paving": LAND, "graded": LAND, "pit": LAND,
    "parking": ROAD,
}  # fmt: skip


def ramp_texture(t: Field, colors: Sequence[Color]) -> Image.Image:
    """Colour a field by a ramp: (H, W) values, mostly in 0..1, become an RGB picture."""
    indexes = np.clip(t * 255.0, 0, 255).astype(np.uint8)
    stops = np.linspace(0, 255, len(colors))
    table = np.stack(
        [np.interp(np.arange(256), stops, [c[k] for c in colors]) for k in range(3)], axis=1
    )
    picture = Image.fromarray(indexes, mode=None)
    picture = picture.convert("L")
    picture.putpalette(np.round(table).astype(np.uint8).tobytes())
    return picture.convert("RGB")


@dataclass(slots=True)
class Ground:
    """Paints patches; textures are made when first needed and shared by all patches."""

    rng: Rng
    canvas: Canvas
    bank: NoiseBank
    palette: Palette
    _made: dict[str, Image.Image]

    def texture(self, material: str) -> Image.Image:
        """Return the canvas-sized texture of a material."""
        if material not in self._made:
            self._made[material] = self._build(material)
        return self._made[material]

    def _build(self, material: str) -> Image.Image:
        p, bank = self.palette, self.bank
        if material == "soil":
            t = 0.5 + 0.28 * bank.broad() + 0.05 * bank.fine()
            return ramp_texture(t, p.soils)
        if material in {"lawn", "golf"}:
            dry = clipped(
                [0.55 * g + 0.45 * s for g, s in zip(p.grass[0], p.soils[0], strict=True)]
            )
            t = 0.38 + 0.22 * bank.broad() + 0.12 * bank.fine()
            return ramp_texture(t, (p.grass[-1], p.grass[0], dry))
        if material == "understorey":
            dark = clipped([c * 0.72 for c in p.crowns[0]])
            t = 0.5 + 0.2 * bank.fine()
            return ramp_texture(t, (dark, p.grass[0]))
        if material == "parking":
            t = 0.5 + 0.2 * bank.broad()
            grey = clipped([c * 1.04 for c in p.road])
            return ramp_texture(t, (clipped([c * 0.94 for c in grey]), grey))
        if material in {"paving", "road"}:
            base = p.paving if material == "paving" else p.road
            t = 0.5 + 0.16 * bank.broad() + 0.08 * bank.fine()
            low, high = clipped([c * 0.9 for c in base]), clipped([c * 1.1 for c in base])
            return ramp_texture(t, (low, high))
        base = {"pit": p.soils[-1], "graded": p.soils[0], "dirt": p.dirt}.get(material, p.soils[1])
        factor = {"pit": 0.68, "graded": 1.05}.get(material, 0.97)
        t = 0.5 + 0.2 * bank.broad() + 0.1 * bank.fine()
        low = clipped([c * factor * 0.86 for c in base])
        high = clipped([c * factor * 1.12 for c in base])
        return ramp_texture(t, (low, high))

    def lay(self, patches: Sequence[Patch]) -> None:
        """Paint patches in order; runs of one material are laid in one go."""
        run: list[Patch] = []
        for patch in patches:
            special = _SPECIAL.get(patch.material)
            if special is None and (not run or run[0].material == patch.material):
                run.append(patch)
                continue
            self._lay_run(run)
            run = []
            if special is None:
                run = [patch]
            else:
                special(self, patch)
        self._lay_run(run)

    def _lay_run(self, run: Sequence[Patch]) -> None:
        if not run:
            return
        mask, draw = self.canvas.stencil()
        for patch in run:
            draw.polygon(self.canvas.pixels(patch.points), fill=255)
        material = run[0].material
        self.canvas.paint_texture(self.texture(material), mask, MATERIAL_CLASS[material])

    def _local(self, patch: Patch) -> tuple[Image.Image, tuple[int, int, int, int]] | None:
        mask, draw = self.canvas.stencil()
        draw.polygon(self.canvas.pixels(patch.points), fill=255)
        box = mask.getbbox()
        return None if box is None else (mask.crop(box), box)

    def field(self, patch: Patch) -> None:
        """Paint a field with furrows along its direction."""
        local = self._local(patch)
        if local is None:
            return
        mask, box = local
        rng = np.random.default_rng(patch.variant)
        soil = patch.material == "soil_field"
        colors = self.palette.soils if soil else self.palette.crops
        base = jittered(rng, colors[patch.variant % len(colors)], 6)
        rows, columns = _grid(box)
        scale = self.canvas.scale
        across = (
            columns * np.float32(-np.sin(patch.angle)) + rows * np.float32(np.cos(patch.angle))
        ) / scale
        period = float(rng.choice([0.9, 2.2, 4.5, 9.0]))
        strength = rng.uniform(0.04, 0.2)
        t = 0.5 + 0.5 * strength * np.sin(across * np.float32(2 * np.pi / period))
        tram = np.abs((across / np.float32(rng.uniform(18, 30))) % 1 - np.float32(0.5)) < 0.016
        t = t - np.where(tram, np.float32(0.16), np.float32(0))
        y, x = slice(box[1], box[3]), slice(box[0], box[2])
        t = t + 0.16 * self.bank.broad()[y, x] + 0.09 * self.bank.fine()[y, x]
        low, high = clipped([c * 0.76 for c in base]), clipped([c * 1.22 for c in base])
        class_id = LAND if soil else VEGETATION
        self.canvas.color.paste(ramp_texture(t, (low, base, high)), box, mask)
        self.canvas.ids.paste(class_id, box, mask)

    def golf(self, patch: Patch) -> None:
        """Paint rough, fairways, greens and sand bunkers."""
        local = self._local(patch)
        if local is None:
            return
        mask, box = local
        y, x = slice(box[1], box[3]), slice(box[0], box[2])
        broad, detail = self.bank.broad()[y, x], self.bank.fine()[y, x]
        inside = np.asarray(mask) > 0
        fairway = np.abs(broad) < 0.55
        bunker = inside & (np.abs(broad - 0.75) < 0.09) & (self.bank.broad()[y, x] > 0.2)
        rough = inside & ~fairway
        color = np.asarray(self.texture("lawn").crop(box)).astype(np.float32)
        color[fairway] *= 1.14
        dry = self.palette.grass_cover < 0.3
        soil = np.asarray(self.texture("soil").crop(box))
        bare = rough & (detail + broad > (0.2 if dry else 1.9))
        color[bare] = soil[bare]
        color[bunker] = (232, 222, 200)
        picture = Image.fromarray(np.clip(color, 0, 255).astype(np.uint8))
        self.canvas.color.paste(picture, box, mask)
        self.canvas.ids.paste(VEGETATION, box, mask)
        land = Image.fromarray(((bare | bunker) * 255).astype(np.uint8))
        self.canvas.ids.paste(LAND, box, land)


def _grid(box: tuple[int, int, int, int]) -> tuple[Field, Field]:
    rows: NDArray[np.float32] = np.arange(box[1], box[3], dtype=np.float32)[:, None]
    columns: NDArray[np.float32] = np.arange(box[0], box[2], dtype=np.float32)[None, :]
    return rows, columns


_SPECIAL: dict[str, Callable[[Ground, Patch], None]] = {
    "crop": Ground.field, "soil_field": Ground.field, "golf": Ground.golf,
}  # fmt: skip
