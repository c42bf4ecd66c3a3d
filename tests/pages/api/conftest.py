"""A project behind the routes, and a caller with a token."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from db.store import candidates
from pages.api import api_routes, mint_token
from rsqa_core.records import Candidate, Project
from tests.pages.seeding import add_candidates, add_head, add_project, promote
from workflows.opening import Installation


@pytest.fixture
def project(installation: Installation) -> Project:
    """Six images with three scored candidates each."""
    project = add_project(installation)
    add_candidates(installation, project)
    add_head(installation, project, "base")
    return promote(installation, project, "base")


@pytest.fixture
def client(installation: Installation) -> TestClient:
    app = Starlette(routes=api_routes(lambda: installation))
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def signed(installation: Installation, project: Project) -> dict[str, str]:
    """The headers of Ada on the project."""
    return {"Authorization": f"Bearer {mint_token(installation.settings, 'Ada', project.id)}"}


@pytest.fixture
def first(installation: Installation, project: Project) -> Candidate:
    with installation.database.read() as session:
        return candidates.all_of(session, project.id)[0]
