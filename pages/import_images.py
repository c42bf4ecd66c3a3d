"""Import."""
from pages.components.page import start_page

start_page("Import images")
