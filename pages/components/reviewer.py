"""Who reviews: a name that this browser remembers in a cookie.

Not in the address, because a link that is shared must not make its reader review as its sender.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

import streamlit as st

DEFAULT_REVIEWER = "Reviewer"
_COOKIE = "rsqa_reviewer"
_KEY = "rsqa_reviewer_name"

_SCRIPT = """
export default function ({ data }) {
  document.cookie = `${data.name}=${data.value}; path=/; max-age=31536000; SameSite=Lax`;
}
"""


def current_reviewer() -> str:
    """Return the reviewer's name, 1 to 80 printable characters."""
    return clean_name(str(st.session_state.get(_KEY) or _remembered()))


def clean_name(text: str) -> str:
    """Return ``text`` as a name: printable, single spaces, at most 80 characters.

    Example:
        >>> clean_name("  Ada\\n Lovelace "), clean_name("")
        ('Ada Lovelace', 'Reviewer')
    """
    words = "".join(c if c.isprintable() else " " for c in text).split()
    return " ".join(words)[:80].strip() or DEFAULT_REVIEWER


def reviewer_field() -> None:
    """Draw the field "Reviewing as" and remember its value in this browser."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _remembered()
    st.text_input(
        "Reviewing as",
        key=_KEY,
        max_chars=80,
        persist_state="session",
        help="Your decisions are stored under this name. This browser remembers it.",
    )
    name = current_reviewer()
    if name != _remembered():
        remember = st.components.v2.component("rsqa_reviewer_cookie", js=_SCRIPT)
        remember(data={"name": _COOKIE, "value": quote(name)}, key="rsqa_reviewer_cookie")


def _remembered() -> str:
    return clean_name(unquote(st.context.cookies.get(_COOKIE, DEFAULT_REVIEWER)))
