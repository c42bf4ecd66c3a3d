"""The table of an evaluation data set: one row a candidate, as Parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from db.store import candidates as candidate_store
from db.store import projects
from rsqa_core.files import write_atomically
from rsqa_core.metrics import measure_targets
from rsqa_core.progress import Progress
from rsqa_core.raster import read_mask
from rsqa_core.records import Candidate, ImageRecord
from workflows.opening import Installation
from workflows.sqed_folds import Fold

TABLE_NAME = "sqed.parquet"
VERSION = "1"


@dataclass(frozen=True, slots=True)
class SqedRow:
    """One candidate with everything that was measured of it.

    Attributes:
        project: its short name.
        image_sha256: of the tile's pixels.
        source_sha256: of the file that the tile was cut from.
        source_name: of that file.
        scene: what is never split between folds.
        x_px, y_px, width_px, height_px: the tile's window in its source.
        reference: content name of the reference mask in the installation's files.
        segmenter: its name.
        segmenter_fingerprint: changes when its answers may.
        fold: whose scenes the segmenter did not see.
        encoder_fingerprint: of the encoder that the segmenter uses, or None.
        mask_sha256: of the candidate's pixels.
        overall_accuracy, mean_iou, boundary_f1: 0..1.
        valid_px: pixels that count.
        classes: class names in the order of ``ious``.
        ious: intersection over union by class; None for a class in neither mask.
    """

    project: str
    image_sha256: str
    source_sha256: str
    source_name: str
    scene: str
    x_px: int
    y_px: int
    width_px: int
    height_px: int
    reference: str
    segmenter: str
    segmenter_fingerprint: str
    fold: str
    encoder_fingerprint: str | None
    mask_sha256: str
    overall_accuracy: float
    mean_iou: float
    boundary_f1: float
    valid_px: int
    classes: tuple[str, ...]
    ious: tuple[float | None, ...]


def measured_rows(
    installation: Installation,
    fold: Fold,
    images: Sequence[ImageRecord],
    fingerprints: Mapping[str, str],
    encoders: Mapping[str, str],
    *,
    tolerance_px: float,
    known: Path,
    progress: Progress,
) -> list[SqedRow]:
    """Measure the fold's candidates.

    Args:
        images: those of the fold, each with a reference mask.
        fingerprints: the fold's segmenters by name; candidates of others are left out.
        encoders: fingerprint of the encoder by the names of the segmenters that use one.
        known: an earlier table, whose measures of the same masks are reused.

    Returns:
        rows by image and segmenter; an image without a valid pixel has none.
    """
    with installation.database.read() as session:
        project = projects.get(session, fold.slug)
        by_image = candidate_store.of_images(session, [image.id for image in images])
    classes = tuple(c.name for c in project.classes)
    measured = _measured_before(known, tolerance_px)
    rows: list[SqedRow] = []
    for number, image in enumerate(images):
        progress("measuring", number, len(images))
        own = [c for c in by_image[image.id] if fingerprints.get(c.segmenter) is not None]
        for candidate in sorted(own, key=lambda c: list(fingerprints).index(c.segmenter)):
            if candidate.segmenter_fingerprint != fingerprints[candidate.segmenter]:
                continue
            key = (image.reference_mask_path or "", candidate.mask_sha256, classes)
            targets = measured.get(key) or _targets(
                installation, image, candidate, len(classes), tolerance_px
            )
            if targets is None:
                continue
            rows.append(
                SqedRow(
                    project=fold.slug,
                    image_sha256=image.sha256,
                    source_sha256=image.source_sha256,
                    source_name=image.source_name,
                    scene=image.scene,
                    x_px=image.x_px,
                    y_px=image.y_px,
                    width_px=image.width_px,
                    height_px=image.height_px,
                    reference=image.reference_mask_path or "",
                    segmenter=candidate.segmenter,
                    segmenter_fingerprint=fingerprints[candidate.segmenter],
                    fold=fold.name,
                    encoder_fingerprint=encoders.get(candidate.segmenter),
                    mask_sha256=candidate.mask_sha256,
                    classes=classes,
                    **targets,
                )
            )
    return rows


def write_rows(folder: Path, rows: Sequence[SqedRow], tolerance_px: float) -> Path:
    """Write the rows as Parquet and return the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=_schema())
    table = table.replace_schema_metadata(
        {"rsqa_sqed": VERSION, "boundary_tolerance_px": repr(float(tolerance_px))}
    )
    content = io.BytesIO()
    pq.write_table(table, content)
    path = folder / TABLE_NAME
    write_atomically(path, content.getvalue())
    return path


def read_rows(path: Path) -> list[SqedRow]:
    """Read what `write_rows` wrote."""
    import pyarrow.parquet as pq

    return [
        SqedRow(**(row | {"classes": tuple(row["classes"]), "ious": tuple(row["ious"])}))
        for row in pq.read_table(path).to_pylist()
    ]


def _schema() -> Any:
    import pyarrow as pa

    types = {"str": pa.string(), "int": pa.int64(), "float": pa.float64()}
    kinds = {
        "encoder_fingerprint": pa.string(),
        "classes": pa.list_(pa.string()),
        "ious": pa.list_(pa.float64()),
    }
    return pa.schema(
        [
            pa.field(name, kinds.get(name) or types[str(kind)])
            for name, kind in SqedRow.__annotations__.items()
        ]
    )


def _measured_before(
    path: Path, tolerance_px: float
) -> dict[tuple[str, str, tuple[str, ...]], dict[str, Any]]:
    import pyarrow.parquet as pq

    if not path.exists():
        return {}
    metadata = pq.read_schema(path).metadata or {}
    if metadata.get(b"boundary_tolerance_px") != repr(float(tolerance_px)).encode():
        return {}
    names = ("overall_accuracy", "mean_iou", "boundary_f1", "valid_px", "ious")
    return {
        (row.reference, row.mask_sha256, row.classes): {name: getattr(row, name) for name in names}
        for row in read_rows(path)
    }


def _targets(
    installation: Installation,
    image: ImageRecord,
    candidate: Candidate,
    class_count: int,
    tolerance_px: float,
) -> dict[str, Any] | None:
    files = installation.files
    reference = read_mask(files.path(str(image.reference_mask_path)))
    mask = read_mask(files.path(candidate.mask_path))
    targets = measure_targets(mask, reference, class_count, tolerance_px)
    if targets is None:
        return None
    known = asdict(targets)
    known["ious"] = tuple(None if value != value else value for value in targets.ious)
    return known
