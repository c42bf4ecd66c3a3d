"""Progress: who decided how much, how far from the head, and what is still to be found."""

import streamlit as st

from pages.components.page import current_project, go, installation, start_page
from pages.components.progress_charts import draw_days, draw_drift, draw_found, draw_paces
from pages.components.slicing import draw_results
from workflows.review_facts import gather_review
from workflows.review_progress import found_so_far, hours_left, paces
from workflows.slices import slice_results


def _hours(left: float | None) -> str:
    if left is None:
        return "—"
    return f"{left:.1f}" if left >= 0.05 else "< 0.1"


start_page("Progress", "How the review gets on, who works on it, and when it may stop.")
project = current_project()
facts = gather_review(installation(), project.slug)

pace = paces(facts.verdicts)
left = hours_left(pace, facts.open_images)
refused = sum(verdict.kind == "none_acceptable" for verdict in facts.verdicts)
values = (
    ("Images", f"{facts.images:,}"),
    ("Decided", f"{facts.images - facts.open_images:,}"),
    ("Labels", f"{facts.labels:,}"),
    ("None acceptable", f"{refused:,}"),
    ("Hours left", _hours(left)),
)
for column, (name, value) in zip(st.columns(len(values)), values, strict=True):
    column.metric(name, value)
unseen = sum(verdict.kind == "accept" for verdict in facts.verdicts)
if facts.images:
    done = facts.images - facts.open_images
    st.progress(done / facts.images, text=f"{done:,} of {facts.images:,} images decided")
if unseen:
    st.caption(
        f"{unseen:,} of them were accepted unseen after a spot check. They are no labels, and the "
        "figures below leave them out."
    )

results = slice_results(installation(), project, facts.verdicts)
if results:
    st.subheader("Random slices", anchor=False)
    draw_results(project, results)

if not pace:
    st.info(
        "Nobody has decided on an image yet. Paces, agreement with the head and the number of "
        "unacceptable images still to be found appear here with the first decisions.",
        icon=":material/insights:",
    )
    if st.button("Start reviewing", type="primary", icon=":material/rate_review:"):
        go("review", project=project.slug)
    st.stop()

st.subheader("Unacceptable images", anchor=False)
draw_found(found_so_far(facts.verdicts, facts.best))
left_column, right_column = st.columns(2, gap="large")
with left_column:
    st.subheader("Decisions by day", anchor=False)
    draw_days(facts.verdicts)
with right_column:
    st.subheader("Distance from the head", anchor=False)
    draw_drift(facts.verdicts)
st.subheader("Reviewers", anchor=False)
draw_paces(pace, facts)
