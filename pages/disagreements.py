"""Disagreements: where opinions differ, who decides, and what was decided."""

import streamlit as st

from db.store import adjudications
from pages.components.decided import draw_decided, draw_gold_checks
from pages.components.disputes import draw_disputes
from pages.components.page import current_project, go, installation, start_page
from workflows.adjudicating import gold_checks
from workflows.review_facts import gather_review

start_page(
    "Disagreements",
    "Where opinions differ, worst first. Somebody who gave none decides: the decided score is the "
    "label from then on, and the opinions stay.",
)
project = current_project()
facts = gather_review(installation(), project.slug)
with installation().database.read() as session:
    gold = adjudications.gold(session, project.id)
if not facts.given:
    st.info(
        "Nobody has scored a candidate yet. Where two reviewers, or a reviewer and the head, see "
        "the same mask differently, it appears here.",
        icon=":material/balance:",
    )
    if st.button("Start reviewing", type="primary", icon=":material/rate_review:"):
        go("review", project=project.slug)
    st.stop()

agreement = facts.agreement()
columns = st.columns(4)
if agreement is None:
    columns[0].metric("Krippendorff's alpha", "—", help="Needs candidates scored by two reviewers.")
    columns[1].metric("Mean difference", "—")
else:
    spread = (
        "No interval: fewer than three images were scored twice."
        if agreement.low is None
        else f"95 % interval {agreement.low:.2f} to {agreement.high:.2f}."
    )
    columns[0].metric(
        "Krippendorff's alpha", f"{agreement.alpha:.2f}", help=f"1 is perfect, 0 chance. {spread}"
    )
    columns[1].metric("Mean difference", f"{100 * agreement.mean_difference:.1f} points")
columns[2].metric("Scored by several", f"{0 if agreement is None else agreement.candidates:,}")
columns[3].metric("Decided", f"{len(gold):,}")
if agreement is not None and agreement.low is not None:
    st.caption(
        f"Alpha's 95 % interval: {agreement.low:.2f} to {agreement.high:.2f}, images resampled."
    )

draw_disputes(facts, gold)
if gold:
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Decided", anchor=False)
        draw_decided(facts, gold)
    with right:
        st.subheader("Reviewers beside it", anchor=False)
        draw_gold_checks(gold_checks(facts.given, gold))
