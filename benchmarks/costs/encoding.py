"""Images encoded per second from file to vector, beside a plain loop of open_clip in torch.

Both read the same files, tiles as RSQA stores them. The plain loop is what one writes by hand: open
with PIL, open_clip's own transform, ``encode_image`` of one image after the other, on all cores.
RSQA's side is what describing candidates runs: `workflows.looking_ahead` over the encoder in its
runtime, grids of tokens included. Weights that would need a download are drawn from a seed: that
costs the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from benchmarks.record import Value
from rsqa_core.encoders.openclip import COMPACT, OpenClipEncoder, load_encoder
from rsqa_core.encoders.runtime import with_runtime
from rsqa_core.raster import read_rgb, write_tile_geotiff
from rsqa_core.scenes import render_scene
from workflows.looking_ahead import Task, seen_in_order

LARGE = "ViT-B-32"
MATRIX_SIDE = 2048
"""Of the largest product that the processor's peak is measured with."""
SLOW_PRODUCT_S = 0.1
"""A product that takes longer is the last one of its type."""
ROUNDS = 3
"""Both sides take turns so often; the best time of each counts."""


def measure_encoding(
    folder: Path, images: int, side_px: int, names: Sequence[str] = (COMPACT, LARGE)
) -> dict[str, Value]:
    """Return images per second of both sides, their ratio, and the share of the peak that is used.

    Args:
        folder: for image files and exported towers.
        images: files.
        side_px: of each file.
        names: encoders; the shipped one by its name, others by their open_clip architecture.
    """
    paths = write_tiles(folder / "tiles", images, side_px)
    peaks = {dtype: peak_gflops(dtype) for dtype in (torch.float32, torch.bfloat16)}
    figures: dict[str, Value] = {
        f"peak_{str(dtype).removeprefix('torch.')}_gflops": round(peak, 1)
        for dtype, peak in peaks.items()
    }
    for name in names:
        reference = _encoder(name)
        plain = partial(plain_loop, *_by_hand(name, reference), paths)
        ours = with_runtime(reference, folder / "encoders", "auto", images=1_000_000)
        runtime = type(ours).__name__
        slow, quick = best_seconds(plain, partial(rsqa_loop, ours, paths))
        flops = _gflops_an_image(reference)
        label = name.lower().replace("-", "_")
        figures |= {
            f"{label}_runtime": "openvino" if runtime == "CompiledEncoder" else "torch",
            f"{label}_plain_images_per_s": round(images / slow, 2),
            f"{label}_rsqa_images_per_s": round(images / quick, 2),
            f"{label}_ratio": round(slow / quick, 2),
            f"{label}_share_of_peak": round(images * flops / quick / max(peaks.values()), 3),
        }
    return figures


def write_tiles(folder: Path, count: int, side_px: int) -> list[Path]:
    """Render ``count`` scenes and store them as RSQA stores tiles; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for seed in range(count):
        paths.append(folder / f"{seed:04d}.tif")
        paths[-1].write_bytes(write_tile_geotiff(render_scene(seed=seed, size_px=side_px).rgb))
    return paths


def plain_loop(model: Any, transform: Callable[[Image.Image], Any], paths: Sequence[Path]) -> None:
    """Encode file after file as open_clip's documentation does."""
    with torch.inference_mode():
        for path in paths:
            with Image.open(path) as opened:
                batch = transform(opened.convert("RGB")).unsqueeze(0)
            features = model.encode_image(batch)
            features /= features.norm(dim=-1, keepdim=True)


def rsqa_loop(encoder: Any, paths: Sequence[Path]) -> None:
    """Encode the files as describing candidates does."""
    for picture in seen_in_order(encoder, [Task(partial(read_rgb, path)) for path in paths]):
        assert picture.seen is not None


def peak_gflops(dtype: torch.dtype) -> float:
    """Return what the processor gives at a large product of matrices, in 1e9 operations a second.

    An encoder cannot do more; torch's own product of this type is the measure. Matrices grow up to
    ``MATRIX_SIDE`` as long as a product is quick: without instructions for a type, one of the
    largest would take minutes.
    """
    best, side, seconds = 0.0, MATRIX_SIDE // 8, 0.0
    while side <= MATRIX_SIDE and seconds < SLOW_PRODUCT_S:
        left, right = (torch.randn(side, side).to(dtype) for _ in range(2))
        (seconds,) = best_seconds(partial(torch.mm, left, right))
        best = max(best, 2 * side**3 / seconds / 1e9)
        side *= 2
    return best


def _encoder(name: str) -> OpenClipEncoder:
    if name == COMPACT:
        found = load_encoder()
        assert isinstance(found, OpenClipEncoder)
        return found
    torch.manual_seed(0)
    model = open_clip.create_model(name, pretrained=None, load_weights=False)
    return OpenClipEncoder(name, model, open_clip.get_tokenizer(name))


def _by_hand(name: str, reference: OpenClipEncoder) -> tuple[Any, Callable[[Image.Image], Any]]:
    """Return the model and the transform that open_clip gives for it."""
    side = reference.preprocessing.size_px
    config = PreprocessCfg(
        size=side, mean=reference.preprocessing.mean, std=reference.preprocessing.std
    )
    return reference.image_tower().model, image_transform_v2(config, is_train=False)


def _gflops_an_image(encoder: OpenClipEncoder) -> float:
    """Return 1e9 operations that the image tower takes for one image, products and sums apart."""
    from torch.utils.flop_counter import FlopCounterMode

    side = encoder.preprocessing.size_px
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        encoder.image_tower()(torch.zeros(1, 3, side, side))
    return float(counter.get_total_flops()) / 1e9


def best_seconds(*loops: Callable[[], object]) -> list[float]:
    """Return the best seconds of each loop over ROUNDS rounds, after one to warm up."""
    best = [float("inf")] * len(loops)
    for round_ in range(ROUNDS + 1):
        for place, loop in enumerate(loops):
            began = time.perf_counter()
            loop()
            if round_:
                best[place] = min(best[place], time.perf_counter() - began)
    return best
