"""Queue: which images come next, filtered, ordered and shared by address."""

import streamlit as st

from pages.api.queue_input import parse_queue_query
from pages.components.page import current_project, start_page
from pages.components.queue_filters import draw_filters
from pages.components.queue_page import draw_page
from pages.components.searching import answer_search

start_page("Queue")
project = current_project()
query = parse_queue_query(st.query_params.to_dict())
answer_search(project)
draw_filters(project, query)
draw_page(project, query)
