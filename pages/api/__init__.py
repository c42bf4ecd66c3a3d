"""The HTTP routes of the review canvas, served on the app's own port."""

from pages.api.routes import API_ROOT, api_routes
from pages.api.tokens import Caller, mint_token, read_token

__all__ = ["API_ROOT", "Caller", "api_routes", "mint_token", "read_token"]
