"""Copies of the database: make one, take one away, and how to put one back."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from pages.components.errors import guarded
from pages.components.opening import installation
from pages.components.times import local_time
from workflows.backups import kept_backups, make_backup

SHOWN = 10


def draw_backups() -> None:
    """Draw the newest copies and the button that makes another."""
    st.button("Back up now", icon=":material/backup:", on_click=_back_up)
    copies = kept_backups(installation().settings)
    if not copies:
        st.caption("No copy yet. A copy is checked when it is made; reviewing goes on meanwhile.")
    for path in copies[:SHOWN]:
        about = path.stat()
        made = dt.datetime.fromtimestamp(about.st_mtime, dt.UTC)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                path.name,
                path.read_bytes,  # read when it is asked for
                file_name=path.name,
                mime="application/vnd.sqlite3",
                key=f"backup-{path.name}",
                icon=":material/download:",
                type="tertiary",
            )
            st.caption(f"{local_time(made)}, {about.st_size / 1e6:.1f} MB", width="content")
    if len(copies) > SHOWN:
        st.caption(f"{len(copies) - SHOWN} older copies lie in the folder backups.")
    with st.expander("Put a copy back", icon=":material/settings_backup_restore:"):
        st.markdown(
            "Stop RSQA. Put the copy in the place of `rsqa.sqlite3` in RSQA's folder, remove "
            "`rsqa.sqlite3-wal` and `rsqa.sqlite3-shm` beside it, and start RSQA again. Images, "
            "masks and heads lie in `files/` and `heads/`, which are to be copied with it."
        )


@guarded
def _back_up() -> None:
    make_backup(installation())
