"""Present: slides about the project, arranged here and shown to an audience."""

import streamlit as st

from pages.components.page import current_project, go, start_page
from pages.components.story_editor import edit_story
from pages.components.story_files import download_story, slides_of

start_page("Present", "Slides about this project: for a screen, as one HTML file, or as PDF.")
project = current_project()
with st.spinner("Drawing the slides…"):
    deck = slides_of(project)
if deck is None:
    st.info(
        "There is nothing to show yet. With images and their candidates, the slides say what was "
        "looked at, which images can be trusted and what experts said.",
        icon=":material/slideshow:",
    )
    if st.button("Import images", type="primary", icon=":material/add_photo_alternate:"):
        go("import_images")
    st.stop()

st.iframe(deck.html, height=510)
st.caption(
    "Arrow keys turn the slides once they were clicked, F fills the screen. Drag over an image to "
    "see more or less of the mask."
)
download_story(project, deck)
with st.expander("Arrange the story", icon=":material/tune:"):
    edit_story(project)
