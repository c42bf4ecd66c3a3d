"""Open ground: soil, lawns, fields with furrows, paving, golf courses, building sites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from rsqa_core.scenes.canvas import LAND, ROAD, VEGETATION, Canvas, Points, clipped, jittered
from rsqa_core.scenes.look import Color
from rsqa_core.scenes.noise import Field, NoiseBank, Rng
from rsqa_core.scenes.palette import Palette
from rsqa_core.scenes.plan import Patch

MATERIAL_CLASS = {
    "lawn": VEGETATION, "understorey": VEGETATION, "yard": LAND, "paving": LAND, "graded": LAND,
    "pit": LAND, "trodden": LAND, "parking": ROAD,
}  # fmt: skip

_TONES = {"pit": 0.7, "graded": 1.05, "trodden": 0.8, "yard": 0.96, "dirt": 1.0}


def mixed(a: Color, b: Color, share: float) -> Color:
    """Return a colour between two, ``share`` of the way from a to b."""
    return clipped([p + (q - p) * share for p, q in zip(a, b, strict=True)])


def toned(color: Color, factor: float) -> Color:
    """Return a colour made lighter or darker."""
    return clipped([c * factor for c in color])


def ramp_texture(t: Field, colors: Sequence[Color]) -> Image.Image:
    """Colour a field by a ramp: (H, W) values, mostly in 0..1, become an RGB picture."""
    picture = Image.fromarray(np.clip(t * np.float32(255), 0, 255).astype(np.uint8))
    stops = np.linspace(0, 255, len(colors))
    table = np.stack(
        [np.interp(np.arange(256), stops, [c[k] for c in colors]) for k in range(3)], axis=1
    )
    picture.putpalette(np.round(table).astype(np.uint8).tobytes())
    return picture.convert("RGB")


@dataclass(slots=True)
class Ground:
    """Paints patches; textures are made when first needed and shared by all patches."""

    rng: Rng
    canvas: Canvas
    bank: NoiseBank
    palette: Palette
    _made: dict[str, Image.Image] = field(default_factory=dict)

    def texture(self, material: str) -> Image.Image:
        """Return the canvas-sized texture of a material."""
        if material not in self._made:
            self._made[material] = self._build(material)
        return self._made[material]

    def _build(self, material: str) -> Image.Image:
        p, bank, rng = self.palette, self.bank, self.rng
        if material == "soil":
            return self._soil()
        if material == "lawn":
            dry = mixed(p.grass[0], p.soils[0], rng.uniform(0.2, 0.55))
            wear = np.clip(bank.broad() - np.float32(0.8), 0, None)
            t = 0.3 + 0.16 * bank.broad() + 0.15 * bank.fine() + 0.08 * bank.grain()
            t += np.float32(0.4) * wear
            return ramp_texture(t, (p.grass[-1], p.grass[0], dry))
        if material == "understorey":
            t = 0.5 + 0.25 * bank.fine()
            return ramp_texture(t, (toned(p.crowns[0], 0.6), mixed(p.grass[0], p.soils[0], 0.3)))
        if material == "scrub":
            t = 0.5 + 0.2 * bank.fine() + 0.1 * bank.grain()
            return ramp_texture(t, (toned(p.crowns[0], 0.8), mixed(p.crowns[-1], p.soils[0], 0.35)))
        if material in {"road", "highway", "parking", "paving"}:
            base = p.paving if material == "paving" else p.road
            spread = 0.11 if material == "paving" else 0.07
            if material in {"highway", "parking"}:
                base = toned(jittered(rng, base, 8), rng.uniform(0.85, 1.15))
            t = 0.5 + 0.2 * bank.broad() + 0.12 * bank.fine()
            return ramp_texture(t, (toned(base, 1 - spread), base, toned(base, 1 + spread)))
        base = {"pit": p.soils[-1], "graded": p.soils[0], "dirt": p.dirt}.get(material, p.soils[1])
        factor = _TONES[material]
        t = 0.5 + 0.2 * bank.broad() + 0.14 * bank.fine()
        return ramp_texture(t, (toned(base, factor * 0.84), toned(base, factor * 1.13)))

    def _soil(self) -> Image.Image:
        """Bare ground: soft drifts, sharper stains, drainage lines and wheel tracks."""
        p, bank, rng = self.palette, self.bank, self.rng
        drift, stain = bank.broad(), bank.broad()
        edge = np.float32(rng.uniform(1.5, 6))
        t = 0.42 + np.float32(rng.uniform(0.06, 0.2)) * drift
        t += np.float32(rng.uniform(0.0, 0.2)) * np.tanh(edge * (stain - np.float32(0.6)))
        if rng.random() < 0.6:
            lines = np.exp(-np.abs(bank.broad()) * np.float32(rng.uniform(8, 20)))
            t += np.float32(rng.uniform(-0.2, 0.2)) * lines
        t += np.float32(rng.uniform(0.04, 0.16)) * bank.fine()
        picture = ramp_texture(t, p.soils)
        self._wheel_tracks(picture)
        return picture

    def cover(self) -> None:
        """Cover the whole canvas with soil and what little grows on it by itself."""
        rng, bank, canvas = self.rng, self.bank, self.canvas
        canvas.color.paste(self.texture("soil"))
        if rng.random() < 0.35:
            dense = bank.fine() + 0.7 * bank.broad() > np.float32(rng.uniform(1.7, 2.6))
            scrub = Image.fromarray(dense.astype(np.uint8) * 255)
            canvas.paint_texture(self.texture("scrub"), scrub, VEGETATION)

    def _wheel_tracks(self, picture: Image.Image) -> None:
        rng, canvas = self.rng, self.canvas
        mask, draw = canvas.stencil()
        for _ in range(rng.poisson(float(np.exp(rng.uniform(1.0, 3.4))))):
            start = rng.uniform(0, canvas.extent_m, 2)
            heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.16, 50))
            step = canvas.extent_m / 35
            path = start + np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * step, 0)
            tone = int(rng.integers(25, 110))
            gauge = 1.7 if canvas.gsd_m < 0.5 else 0.0
            width = max(1, round((0.5 if gauge else 2.2) * canvas.scale))
            normal = np.stack([-np.sin(heading), np.cos(heading)], 1)
            for side in (-0.5, 0.5) if gauge else (0.0,):
                line = canvas.pixels(path + normal * (side * gauge))
                draw.line(line, fill=tone, width=width)
        bright = toned(self.palette.soils[0], float(rng.choice([0.75, 1.15])))
        picture.paste(bright, (0, 0), mask)

    def lay(self, patches: Sequence[Patch]) -> None:
        """Paint patches in order; runs of one material are laid in one go."""
        run: list[Patch] = []
        for patch in patches:
            special = _SPECIAL.get(patch.material)
            if run and (special is not None or run[0].material != patch.material):
                self._lay_run(run)
                run = []
            if special is None:
                run.append(patch)
            else:
                special(self, patch)
        if run:
            self._lay_run(run)

    def _lay_run(self, run: Sequence[Patch]) -> None:
        mask, draw = self.canvas.stencil()
        for patch in run:
            draw.polygon(self.canvas.pixels(patch.points), fill=255)
        material = run[0].material
        self.canvas.paint_texture(self.texture(material), mask, MATERIAL_CLASS[material])

    def _local(self, points: Points) -> tuple[Image.Image, tuple[int, int, int, int]] | None:
        mask, draw = self.canvas.stencil()
        draw.polygon(self.canvas.pixels(points), fill=255)
        box = mask.getbbox()
        return None if box is None else (mask.crop(box), box)

    def _across(self, box: tuple[int, int, int, int], angle: float) -> Field:
        """Return metres across the direction ``angle`` for the pixels of a box."""
        rows = np.arange(box[1], box[3], dtype=np.float32)[:, None]
        columns = np.arange(box[0], box[2], dtype=np.float32)[None, :]
        s, c = np.float32(np.sin(angle)), np.float32(np.cos(angle))
        across = (rows * c - columns * s) / np.float32(self.canvas.scale)
        return across.astype(np.float32, copy=False)

    def crop(self, patch: Patch) -> None:
        """Paint a field: rows of the machine's width, furrows, wet and poor spots."""
        local = self._local(patch.points)
        if local is None:
            return
        mask, box = local
        rng = np.random.default_rng(patch.variant)
        soil = patch.material == "soil_field"
        colors = self.palette.soils if soil else self.palette.crops
        base = jittered(rng, colors[patch.variant % len(colors)], 7)
        across = self._across(box, patch.angle)
        passes = rng.standard_normal(4096).astype(np.float32)
        width = float(rng.choice([0.8, 1.5, 3.0, 6.0]))
        row = (across / np.float32(width)).astype(np.int32)
        t: Field = 0.5 + np.float32(rng.uniform(0.02, 0.12)) * passes[row & 4095]
        period = float(rng.choice([0.75, 1.5, 3.0]))
        if period > 1.6 * self.canvas.gsd_m:
            wave = np.sin(across * np.float32(2 * np.pi / period))
            t += np.float32(rng.uniform(0.02, 0.12)) * wave
        if rng.random() < 0.6:
            tram = np.float32(rng.uniform(15, 30))
            lane = np.abs((across / tram) % 1 - np.float32(0.5)) * tram
            deep = np.float32(rng.uniform(0.1, 0.3))
            t -= deep * (np.abs(lane - np.float32(0.9)) < 0.3).astype(np.float32)
        y, x = slice(box[1], box[3]), slice(box[0], box[2])
        spots = self.bank.broad()[y, x]
        t += np.float32(rng.uniform(0.04, 0.18)) * spots + 0.09 * self.bank.fine()[y, x]
        ramp = [toned(base, 0.74), base, toned(base, 1.22)]
        if not soil and rng.random() < 0.5:
            ramp[2] = mixed(base, self.palette.soils[0], rng.uniform(0.2, 0.6))
        self.canvas.color.paste(ramp_texture(t, ramp), box, mask)
        self.canvas.ids.paste(LAND if soil else VEGETATION, box, mask)

    def pitch(self, patch: Patch) -> None:
        """Paint a playing field with mown stripes and lines."""
        local = self._local(patch.points)
        if local is None:
            return
        mask, box = local
        stripes = np.sign(np.sin(self._across(box, patch.angle) * np.float32(2 * np.pi / 11)))
        y, x = slice(box[1], box[3]), slice(box[0], box[2])
        t = 0.5 + 0.2 * stripes.astype(np.float32) + 0.06 * self.bank.fine()[y, x]
        green = self.palette.grass[0]
        texture = ramp_texture(t, (toned(green, 0.9), toned(green, 1.16)))
        self.canvas.color.paste(texture, box, mask)
        self.canvas.ids.paste(VEGETATION, box, mask)
        middle = patch.points.mean(axis=0)
        inner = middle + (patch.points - middle) * 0.94
        closed = np.concatenate([inner, inner[:1]])
        self.canvas.line(closed, 0.15, (222, 226, 214))
        if len(inner) == 4:
            halves = np.stack([(inner[0] + inner[1]) / 2, (inner[2] + inner[3]) / 2])
            self.canvas.line(halves, 0.15, (222, 226, 214))

    def golf(self, patch: Patch) -> None:
        """Paint rough, fairways, greens and sand bunkers."""
        local = self._local(patch.points)
        if local is None:
            return
        mask, box = local
        rng, canvas = self.rng, self.canvas
        y, x = slice(box[1], box[3]), slice(box[0], box[2])
        course, detail = self.bank.broad()[y, x], self.bank.fine()[y, x]
        self.canvas.color.paste(self.texture("lawn").crop(box), box, mask)
        self.canvas.ids.paste(VEGETATION, box, mask)
        inside = np.asarray(mask) > 0
        dry = self.palette.grass_cover < 0.45
        bare = inside & (np.abs(course) > 0.62) & (detail + 0.5 * course > (-0.3 if dry else 2.2))
        land = Image.fromarray(bare.astype(np.uint8) * 255)
        canvas.color.paste(self.texture("soil").crop(box), box, land)
        canvas.ids.paste(LAND, box, land)
        fairway = Image.fromarray((inside & (np.abs(course) < 0.3)).astype(np.uint8) * 90)
        canvas.color.paste(toned(self.palette.grass[0], 1.22), box, fairway)
        spots = np.argwhere(inside & (np.abs(course) < 0.1))
        area_ha = float(inside.sum()) / canvas.scale**2 / 1e4
        for _ in range(min(12, rng.poisson(area_ha * 0.8)) if len(spots) else 0):
            row, column = spots[int(rng.integers(len(spots)))]
            cx, cy = (box[0] + column) / canvas.scale, (box[1] + row) / canvas.scale
            r = rng.uniform(6, 11)
            canvas.disc((cx, cy), r, toned(self.palette.grass[0], 1.32), VEGETATION)
            for _ in range(int(rng.integers(1, 5))):
                turn, out = rng.uniform(0, 2 * np.pi), r * rng.uniform(1.3, 2.1)
                bx, by = cx + np.cos(turn) * out, cy + np.sin(turn) * out
                ring = np.linspace(0, 2 * np.pi, 14, endpoint=False)
                reach = rng.uniform(1.6, 5) * (1 + 0.35 * np.sin(2 * ring + turn))
                blob = np.stack([bx + reach * np.cos(ring), by + reach * np.sin(ring)], 1)
                canvas.polygon(blob, (232, 222, 198), LAND)


_SPECIAL: dict[str, Callable[[Ground, Patch], None]] = {
    "crop": Ground.crop,
    "soil_field": Ground.crop,
    "golf": Ground.golf,
    "pitch": Ground.pitch,
}
