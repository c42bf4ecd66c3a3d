"""The entry point: an ASGI application with the canvas's routes; run as a script, the navigation.

`streamlit run app.py` and `uvicorn app:app` find ``app``. Its script is pages/navigation.py and not
this file: Streamlit treats a main script with a folder ``pages/`` beside it as an old multipage app
until the first st.navigation call, so that a deep link to a fresh server would run that one page
alone. AppTest executes this file inside a script run, where it does what navigation.py does.
"""

from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True) is None:
    from pages.api import api_routes
    from pages.components.errors import show_script_error
    from pages.components.opening import installation
    from pages.components.protection import protection

    app = st.App(
        Path(__file__).resolve().parent / "pages" / "navigation.py",
        routes=api_routes(installation),
        middleware=protection(),
        on_script_error=show_script_error,
    )
else:
    from pages.navigation import run

    run()
