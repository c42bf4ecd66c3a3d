"""The main script of the app: which pages there are, and the frame around the current one."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page as StreamlitPage

from pages.components.errors import page_boundary
from pages.components.frame import ICON, LOGO, draw_sidebar
from pages.components.page import inside_navigation
from pages.components.preloading import preload

_FOLDER = Path(__file__).resolve().parent
_PAGES = (
    ("home.py", "Home", ":material/home:", ""),
    ("import_images.py", "Import", ":material/add_photo_alternate:", "import"),
    ("queue.py", "Queue", ":material/view_list:", "queue"),
    ("review.py", "Review", ":material/rate_review:", "review"),
    ("map.py", "Map", ":material/map:", "map"),
    ("progress.py", "Progress", ":material/insights:", "progress"),
    ("disagreements.py", "Disagreements", ":material/balance:", "disagreements"),
    ("areas.py", "Areas", ":material/pie_chart:", "areas"),
    ("present.py", "Present", ":material/slideshow:", "present"),
    ("train.py", "Train", ":material/model_training:", "train"),
    ("admin.py", "Admin", ":material/admin_panel_settings:", "admin"),
)


def run() -> None:
    """Draw the frame and the page that the address names."""
    st.set_page_config(page_title="RSQA", page_icon=ICON, layout="wide")
    page = chosen_page()
    st.logo(LOGO, size="large")
    with page_boundary():
        draw_sidebar()
        with inside_navigation():
            page.run()
    preload()


def chosen_page() -> StreamlitPage:
    """Tell Streamlit which pages there are and return the one that the address names."""
    # Absolute paths: this may run with app.py as main script (AppTest) or with this file.
    return st.navigation(
        [
            st.Page(
                _FOLDER / name,
                title=title,
                icon=icon,
                url_path=address or None,
                default=not address,
            )
            for name, title, icon, address in _PAGES
            if (_FOLDER / name).is_file()
        ]
    )


if __name__ == "__main__":  # the name that Streamlit gives to the script it runs
    run()
