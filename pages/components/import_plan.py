"""The dry run of an import as tables, and the button that does it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from pages.components.import_form import Target
from pages.components.job_panel import request_job
from pages.components.texts import counted, plain
from rsqa_core.errors import InvalidInputError

if TYPE_CHECKING:
    from workflows.importing import ImportPlan

SHOWN_ROWS = 1000
"""Rows of a table that go to the browser; the counts above it are of all."""
_KEPT = "rsqa_import_plan"
Options = dict[str, Any]


def kept_plan(source: Path | None, options: Options | None, target: Target) -> ImportPlan | None:
    """Return the plan made with these very choices, None when any changed since."""
    kept = st.session_state.get(_KEPT)
    if kept is None or kept[0] != _key(source, options, target):
        return None
    plan: ImportPlan = kept[1]
    return plan


def make_plan(source: Path | None, options: Options | None, target: Target) -> None:
    """Check every file, with progress, and keep the plan in this session.

    Raises:
        InvalidInputError: the project, the source or an option is still missing.
    """
    if not target.slug:
        raise InvalidInputError("Name the new project first, with letters or digits.")
    if source is None:
        raise InvalidInputError("Name a folder or an archive, or upload files, first.")
    if options is None:
        raise InvalidInputError("One of the options has no meaning; see above.")
    from workflows.importing import ImportOptions, plan_import

    bar = st.progress(0.0, "Checking files")

    def progress(step: str, done: int, total: int) -> None:
        bar.progress(min(1.0, done / total) if total else 0.0, f"{step}, {done:,} of {total:,}")

    plan = plan_import(source, ImportOptions(**options), project=target.project, progress=progress)
    plan.close()  # an unpacked archive need not wait for a decision: the import unpacks it again
    bar.empty()
    st.session_state[_KEPT] = (_key(source, options, target), plan)


def draw_plan(source: Path | None, options: Options | None, target: Target, *, busy: bool) -> None:
    """Draw what would be imported and what not, and the button that imports it."""
    plan = kept_plan(source, options, target)
    if plan is None or source is None or options is None:
        return
    tiles = sum(image.tiles for image in plan.images)
    counts = (
        ("Images", len(plan.images)),
        ("Review tiles", tiles),
        ("With reference mask", sum(image.mask is not None for image in plan.images)),
        ("Candidate masks", sum(len(image.candidates) for image in plan.images)),
        ("Files left out", len(plan.left_out)),
    )
    for column, (name, value) in zip(st.columns(len(counts)), counts, strict=True):
        column.metric(name, f"{value:,}")
    for note in plan.notes:
        st.caption(plain(note))
    st.button(
        f"Import {counted(len(plan.images), 'image')}",
        type="primary",
        icon=":material/download:",
        disabled=busy or not plan.images,
        on_click=_start,
        args=(source, options, target),
    )
    would, left_out = st.tabs(
        [f"Would be imported ({len(plan.images):,})", f"Left out ({len(plan.left_out):,})"]
    )
    with would:
        st.dataframe(images_table(plan), hide_index=True, height="auto")
        _say_cut(len(plan.images))
    with left_out:
        if plan.left_out:
            st.dataframe(left_out_table(plan), hide_index=True, height="auto")
            _say_cut(len(plan.left_out))
        else:
            st.caption("Every file has its place.")


def images_table(plan: ImportPlan) -> pd.DataFrame:
    """Return one row per image that would be imported, at most SHOWN_ROWS."""
    return pd.DataFrame(
        [
            {
                "Image": image.name,
                "Scene": image.scene,
                "Size, px": f"{image.width_px} x {image.height_px}",
                "Bands": f"{image.bands} {image.dtype}",
                "Georeferenced": image.georeferenced,
                "Tiles": image.tiles,
                "Reference": image.mask is not None,
                "Candidates": len(image.candidates),
            }
            for image in plan.images[:SHOWN_ROWS]
        ]
    )


def left_out_table(plan: ImportPlan) -> pd.DataFrame:
    """Return one row per file that would not be imported, with its reason."""
    return pd.DataFrame(
        [{"File": entry.name, "Why": entry.reason} for entry in plan.left_out[:SHOWN_ROWS]]
    )


def _start(source: Path, options: Options, target: Target) -> None:
    # The process checks the files again: they may have changed since the dry run.
    slug = target.slug if target.project is not None else None
    arguments = {
        "source": str(source),
        "options": options,
        "project": target.slug,
        "name": target.name,
    }
    request_job("import", slug, arguments)
    st.session_state.pop(_KEPT, None)


def _say_cut(count: int) -> None:
    if count > SHOWN_ROWS:
        st.caption(f"The first {SHOWN_ROWS:,} of {count:,} rows.")


def _key(source: Path | None, options: Options | None, target: Target) -> object:
    version = None if target.project is None else target.project.version
    return (source, repr(options), target.slug, version)
