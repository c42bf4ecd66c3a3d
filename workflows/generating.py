"""Record generated scenes as a project's images."""

from __future__ import annotations

from collections.abc import Sequence

from db.store import images as image_store
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import (
    encode_display_jpeg,
    encode_mask,
    pixel_sha256,
    write_tile_geotiff,
)
from rsqa_core.records import NewImage, Project
from rsqa_core.scenes import Scene, render_scene
from workflows.opening import Installation


def add_generated_scenes(
    installation: Installation,
    project: Project,
    seeds: Sequence[int],
    *,
    size_px: int = 512,
    progress: Progress = no_progress,
) -> int:
    """Render the scenes of ``seeds`` into ``project``; those already there are kept.

    Every image is marked generated, and a scene of its own in any split.

    Returns:
        the number of images of the project made from ``seeds``.
    """
    for done, seed in enumerate(seeds):
        progress("rendering scenes", done, len(seeds))
        image = _new_image(installation, render_scene(seed=seed, size_px=size_px))
        with installation.database.begin() as session:
            image_store.add(session, project.id, [image])
    progress("rendering scenes", len(seeds), len(seeds))
    return len(seeds)


def _new_image(installation: Installation, scene: Scene) -> NewImage:
    files = installation.files
    tile = write_tile_geotiff(scene.rgb, crs=scene.crs, transform=scene.transform)
    height, width = scene.reference_mask.shape
    name = f"{scene.look} {scene.seed}"
    digest = pixel_sha256(scene.rgb)
    return NewImage(
        name=name,
        scene=name,
        sha256=digest,
        source_name=f"generated scene {scene.seed}",
        source_sha256=digest,
        source_width_px=width,
        source_height_px=height,
        x_px=0,
        y_px=0,
        width_px=width,
        height_px=height,
        bands=3,
        dtype="uint8",
        tile_path=files.put(tile, ".tif"),
        display_path=files.put(encode_display_jpeg(scene.rgb), ".jpg"),
        crs=scene.crs,
        transform=scene.transform,
        reference_mask_path=files.put(encode_mask(scene.reference_mask), ".png"),
        generated=True,
    )
