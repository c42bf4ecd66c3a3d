"""What to import, into which project, and how: the same choices as `rsqa import`."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components.errors import page_boundary
from pages.components.opening import installation
from pages.components.project_dialogs import slug_of
from pages.components.texts import plain
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.files import resolve_under, write_atomically
from rsqa_core.records import Project
from workflows.jobs import uploads_dir

TILE_SIZES_PX = (256, 512, 768, 1024)
_NEW = "A new project"
_UPLOAD_TYPES = ["jpg", "jpeg", "png", "tif", "tiff", "npz", "json", "csv", "zip"]
_STALE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Target:
    """The project that images go to; ``project`` is None where the import makes a new one.

    An empty ``slug`` means that its name is still missing.
    """

    slug: str
    name: str
    project: Project | None


def draw_target(every: Sequence[Project], current: str | None) -> Target:
    """Let the user choose a project or name a new one."""
    by_slug = {project.slug: project for project in every}
    left, right = st.columns(2)
    choices = [*by_slug, ""]
    chosen = left.selectbox(
        "Into",
        choices,
        index=choices.index(current) if current in by_slug else len(choices) - 1,
        format_func=lambda slug: by_slug[slug].name if slug else _NEW,
    )
    if chosen:
        return Target(chosen, by_slug[chosen].name, by_slug[chosen])
    name = right.text_input("Name of the new project", max_chars=80, placeholder="Harbour 2024")
    slug = slug_of(name)
    if slug in by_slug:
        right.caption(f"{plain(by_slug[slug].name)} is there already: the images go into it.")
        return Target(slug, by_slug[slug].name, by_slug[slug])
    if slug:
        right.caption(f"Its short name is `{slug}`. Its classes come from the masks or palette.")
    return Target(slug, name.strip(), None)


def draw_source() -> Path | None:
    """Let the user name a folder or archive on the server, or upload files; None without either."""
    where = st.radio(
        "From",
        ["path", "upload"],
        horizontal=True,
        format_func={"path": "Folder or archive on this server", "upload": "Upload"}.__getitem__,
    )
    with page_boundary():
        if where == "upload":
            files = st.file_uploader(
                "Images, masks, or one ZIP archive with folders",
                type=_UPLOAD_TYPES,
                accept_multiple_files=True,
                help="Files alone are taken as images. Use a ZIP for masks and candidates: "
                "images/, masks/, candidates/SEGMENTER/.",
            )
            return _staged(files) if files else None
        text = st.text_input("Path", placeholder="/data/harbour or /data/harbour.zip").strip()
        if text:
            path = Path(text).expanduser()
            if not path.is_absolute() or not path.exists():
                raise NotFoundError(
                    f"There is nothing at {text!r} on the server. Give the absolute path of a "
                    "folder, or of a .zip or .tar archive."
                )
            return path
    return None


def draw_options() -> dict[str, Any] | None:
    """Let the user choose how to import.

    Returns:
        Keyword arguments of ImportOptions as JSON values; None while one of them has no meaning,
        which is told where it was typed.
    """
    from rsqa_core.datasets.options import parse_class_map, parse_names

    with st.expander("Options", icon=":material/tune:"), page_boundary():
        first, second, third = st.columns(3)
        tile = first.selectbox("Tile size, px", TILE_SIZES_PX, index=1)
        overlap = second.number_input("Overlap, px", 0, int(tile) // 2, 0, step=16)
        palette = third.text_input(
            "Palette file on the server", help="JSON or CSV; palette.json of the folder otherwise."
        ).strip()
        ignored = first.text_input("Ignore classes", placeholder="Unlabeled, Void")
        mapping = second.text_input("Map classes", placeholder="Tree=Vegetation, *=Other")
        scene = third.text_input(
            "Scene pattern",
            placeholder=r"^(tile\d+)_",
            help="Regular expression with one group: tiles of one scene stay together when "
            "labels are held out.",
        ).strip()
        return {
            "palette": palette or None,
            "ignored": list(parse_names(ignored)),
            "class_map": parse_class_map(mapping),
            "tile_px": int(tile),
            "overlap_px": int(overlap),
            "scene_pattern": scene or None,
        }
    return None


def _staged(files: Sequence[UploadedFile]) -> Path:
    """Write uploads into a folder of their own, once per set, and return it or its one archive."""
    key = tuple((file.file_id, file.name) for file in files)
    kept = st.session_state.get("rsqa_upload")
    if kept is not None and kept[0] == key and kept[1].exists():
        staged: Path = kept[1]
        return staged
    root = uploads_dir(installation().settings)
    _clear_stale(root)
    folder = root / secrets.token_hex(8)
    for file in files:
        # A browser may send any name: only its last part counts, and not a hidden one.
        name = PurePosixPath(file.name.replace("\\", "/")).name.lstrip(".")
        if not name:
            raise InvalidInputError(f"Expected a file with a name, but got {file.name!r}.")
        write_atomically(resolve_under(folder, name), file.getvalue())
    archives = [path for path in folder.iterdir() if path.suffix.casefold() == ".zip"]
    if archives and len(files) > 1:
        shutil.rmtree(folder)
        raise InvalidInputError(
            "Expected one ZIP archive alone, or files without an archive. Remove one or the other."
        )
    staged = archives[0] if archives else folder
    st.session_state["rsqa_upload"] = (key, staged)
    return staged


def _clear_stale(root: Path) -> None:
    if not root.is_dir():
        return
    for folder in root.iterdir():
        if time.time() - folder.stat().st_mtime > _STALE_S:
            shutil.rmtree(folder, ignore_errors=True)
