"""Create a project, delete a project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from db.store import jobs, projects
from pages.components.errors import page_boundary
from pages.components.opening import installation
from pages.components.page import choose_project, go
from pages.components.texts import plain
from rsqa_core.errors import ConflictError, InvalidInputError
from rsqa_core.records import ClassDef, Project, normalised_class_name
from workflows.reports.files import kept_reports

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_ID = 254


@st.dialog("New project", width="medium")
def create_project_dialog() -> None:
    """Ask for name and classes, create the project and go on to its import page."""
    st.markdown(
        "For imagery without masks. Where masks or a palette come along, import them into a new "
        "project: its classes are taken from there."
    )
    if st.button("Import with masks", icon=":material/add_photo_alternate:"):
        go("import_images", new=1)
    name = st.text_input("Name", max_chars=80, placeholder="Harbour survey 2024")
    description = st.text_input("Description", max_chars=200)
    st.caption("Classes, in the order of their ids. The shipped segmenters know these five.")
    table = st.data_editor(
        _default_classes(),
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        column_config={
            "Class": st.column_config.TextColumn(required=True, max_chars=60),
            "Colour": st.column_config.TextColumn(
                required=True, validate="^#[0-9a-fA-F]{6}$", help="#rrggbb"
            ),
        },
    )
    if st.button("Create", type="primary"):
        with page_boundary():
            project = _create(name.strip(), description.strip(), table)
            st.session_state["rsqa_project"] = project.slug
            go("import_images", project=project.slug)


@st.dialog("Delete project")
def delete_project_dialog(project: Project) -> None:
    """Delete a project after its name has been typed."""
    st.warning(
        f"This deletes **{plain(project.name)}** with its images, candidates, scores and every "
        "decision. It cannot be undone. `rsqa backup` keeps a copy of the database.",
        icon=":material/warning:",
    )
    typed = st.text_input(f"Type `{project.slug}` to delete it")
    if st.button("Delete for good", type="primary"):
        with page_boundary():
            if typed.strip() != project.slug:
                raise InvalidInputError(
                    f"Expected the short name {project.slug!r}, but got {typed!r}. Nothing is "
                    "deleted."
                )
            delete_project(project.slug)
            choose_project(None)
            st.rerun()


def delete_project(slug: str) -> None:
    """Delete a project and the files that only it used.

    Raises:
        ConflictError: a job runs; it may be writing the very files that would go.
    """
    opened = installation()
    with opened.database.begin() as session:
        if running := jobs.running(session):
            raise ConflictError(
                f"Job {running[0].id} ({running[0].kind}) is running. Wait for it or cancel it, "
                "then delete the project."
            )
        names = projects.delete(session, slug)
    for path in (
        *(opened.files.path(name) for name in names),
        *kept_reports(opened.settings, slug),
    ):
        path.unlink(missing_ok=True)


def slug_of(name: str) -> str:
    """Return the short name of a project for addresses and the command line.

    Example:
        >>> slug_of("Harbour survey, 2024")
        'harbour-survey-2024'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:60]


def classes_of(table: pd.DataFrame) -> tuple[ClassDef, ...]:
    """Return the classes of a table with the columns Class and Colour; ids are its row order.

    Raises:
        InvalidInputError: no class, too many, a name twice, or a colour that is none.
    """
    classes: list[ClassDef] = []
    seen: set[str] = set()
    for name, color in table[["Class", "Colour"]].dropna().itertuples(index=False):
        key = normalised_class_name(str(name))
        if not key or key in seen:
            raise InvalidInputError(
                f"Expected every class to have a name of its own, but got {name!r}."
            )
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", str(color)):
            raise InvalidInputError(
                f"Expected the colour of {name!r} to look like #2e86c1, but got {color!r}."
            )
        seen.add(key)
        red, green, blue = bytes.fromhex(str(color)[1:])
        classes.append(ClassDef(len(classes), str(name).strip(), (red, green, blue)))
    if not 1 <= len(classes) <= _LARGEST_ID + 1:
        raise InvalidInputError(f"Expected 1 to 255 classes, but got {len(classes)}.")
    return tuple(classes)


def _default_classes() -> pd.DataFrame:
    import pandas as pd

    from rsqa_core.datasets.classes import DEFAULT_CLASSES

    return pd.DataFrame(
        [(c.name, "#{:02x}{:02x}{:02x}".format(*c.color)) for c in DEFAULT_CLASSES],
        columns=["Class", "Colour"],
    )


def _create(name: str, description: str, table: pd.DataFrame) -> Project:
    slug = slug_of(name)
    if not slug:
        raise InvalidInputError(
            f"Expected a name with letters or digits of the Latin alphabet, but got {name!r}."
        )
    with installation().database.begin() as session:
        return projects.create(
            session,
            slug=slug,
            name=name,
            classes=classes_of(table),
            origin="imported",
            description=description,
        )
