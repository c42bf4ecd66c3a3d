"""Map: where the images lie, coloured by how they stand; a click opens one."""

import streamlit as st
from streamlit_folium import st_folium

from db.store import images
from pages.components.map_drawing import COLOURINGS, LARGEST_ZOOM, draw_legend, draw_map
from pages.components.map_pictures import (
    PICTURES,
    class_legend,
    error_legend,
    finest_zoom_of,
    tiles_of,
)
from pages.components.page import current_project, go, installation, start_page
from pages.components.queue_address import STATUS_NAMES
from pages.components.texts import plain
from pages.components.thumbnails import thumbnail
from workflows.footprints import corners
from workflows.plans import plan_of

MOST_IMAGES = 3000

start_page("Map")
project = current_project()
with installation().database.read() as session:
    scenes = images.scenes(session, project.id)
    every = images.all_of(session, project.id)

if not every:
    st.info("This project has no images yet.", icon=":material/map:")
    if st.button("Import images", icon=":material/add_photo_alternate:"):
        go("import_images")
    st.stop()

boxes = st.columns([2, 2, 1.5, 1.3], vertical_alignment="bottom")
choose, scene_box, pictures_box, background_box = boxes
wanted = choose.selectbox(
    "Colour by", list(COLOURINGS), format_func=lambda key: COLOURINGS[key].name, key="map_colour"
)
colouring = COLOURINGS[wanted]
scene = scene_box.selectbox("Scene", scenes, index=None, placeholder="Any", key="map_scene")
chosen = [image for image in every if scene is None or image.scene == scene]
on_earth = corners(chosen)
located = [image for image in chosen if image.id in on_earth]
on_globe = bool(located)
shown = (located if on_globe else chosen)[:MOST_IMAGES]
under = pictures_box.selectbox(
    "Under the outlines", list(PICTURES), format_func=lambda key: PICTURES[key], key="map_pictures"
)
with_background = background_box.toggle(
    "Street map",
    value=False,
    disabled=not on_globe,
    help="Asks OpenStreetMap's servers for it; everything else comes from this app."
    if on_globe
    else "These images have no georeference.",
)
rings = {key: [*ring, ring[0]] for key, ring in on_earth.items()} if on_globe else plan_of(shown)

draw_legend(colouring.legend())
notes = []
if under == "masks":
    draw_legend(class_legend(project))
elif under == "errors":
    draw_legend(error_legend())
    notes.append(
        "Of the best predicted candidates. Maps that nobody asked for yet are made as you zoom in."
    )
if not on_globe:
    notes.append("No georeference: each image lies where it was cut from its source image.")
elif len(located) < len(chosen):
    notes.append(
        f"{len(chosen) - len(located):,} images have no place on the globe and are not shown."
    )
if len(located if on_globe else chosen) > MOST_IMAGES:
    notes.append(f"The first {MOST_IMAGES:,} have outlines; choose a scene to see the others'.")
for note in notes:
    st.caption(note)

canvas, detail = st.columns([3, 1])
with canvas:
    answer = st_folium(
        draw_map(
            shown,
            rings,
            colouring,
            on_globe=on_globe,
            tiles=tiles_of(under, project),
            finest=finest_zoom_of(shown, on_earth, on_globe=on_globe, largest=LARGEST_ZOOM),
            with_background=with_background,
        ),
        key=f"map-{project.id}-{scene}-{on_globe}",
        height=480,
        use_container_width=True,
        returned_objects=["last_active_drawing"],
    )
with detail:
    clicked = ((answer or {}).get("last_active_drawing") or {}).get("properties", {}).get("id")
    image = next((one for one in shown if one.id == clicked), None)
    if image is None:
        st.markdown("**Click an image** to see what it is.")
    else:
        preview = thumbnail(image.display_path, 320)
        if preview is not None:
            st.html(f'<img src="{preview}" alt="" style="width:100%;border-radius:4px">')
        st.markdown(f"**{plain(image.name)}**")
        best = "not scored" if image.best_score is None else f"best {image.best_score:.0%}"
        st.caption(f"{STATUS_NAMES[image.status]}, {best}")
        if st.button("Review", type="primary", icon=":material/rate_review:", width="stretch"):
            go("review", item=str(image.id))
