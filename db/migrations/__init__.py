"""Alembic migrations; the versions are history and are not edited."""
