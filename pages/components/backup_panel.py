"""Copies of the database: make one, take one away, put one back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import streamlit as st

from db.store import verdicts
from pages.components.errors import guarded, notify
from pages.components.opening import installation
from pages.components.times import local_time
from workflows.backups import decisions_of, kept_backups, make_backup, restore_backup

SHOWN = 10
_ASKED = "rsqa_restore"
_RESTORE = ":material/settings_backup_restore:"


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
            st.button(
                "Put back",
                key=f"restore-{path.name}",
                type="tertiary",
                icon=_RESTORE,
                on_click=_ask,
                args=(path,),
            )
    if len(copies) > SHOWN:
        st.caption(f"{len(copies) - SHOWN} older copies lie in the folder backups.")
    asked = st.session_state.pop(_ASKED, None)
    if asked is not None:
        _restore_dialog(asked)


@st.dialog("Put a copy back")
def _restore_dialog(path: Path) -> None:
    with installation().database.read() as session:
        now = verdicts.total(session)
    then = decisions_of(path)
    if then is None:
        st.error(f"{path.name} cannot be read. Take an older copy.", icon=":material/error:")
        return
    st.markdown(
        f"The database goes back to **{path.name}** with {then:,} rows of decisions, in all "
        f"projects and for everyone. It has {now:,} now. A copy of it as it is now is kept first, "
        "so that this can be taken back. Images, masks and heads stay where they are."
    )
    if st.button("Put it back", type="primary", icon=_RESTORE, on_click=_restore, args=(path,)):
        st.rerun()  # closes the dialog


def _ask(path: Path) -> None:
    st.session_state[_ASKED] = path


@guarded
def _restore(path: Path) -> None:
    kept = restore_backup(installation(), path)
    notify(f"{path.name} is in place. What was there before is in {kept.name}.")


@guarded
def _back_up() -> None:
    make_backup(installation())
