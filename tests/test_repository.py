"""The repository itself: pins, documents, rooms, and what must not lie in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parents[1]
_DOCUMENTS = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md")])

# Written so that these lines do not match themselves.
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|farm|root|home/(?!user\b|you\b)\w+|Users/\w+)/")
_REGISTRY_HOST = re.compile(r"pypi\.org|files\.pythonhosted|deb\.debian\.org|registry\.npmjs")


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """Every file that git knows and that exists; skipped in a copy without git."""
    if shutil.which("git") is None or not (_ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    paths = [_ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def pins_of(name: str) -> dict[str, str]:
    """Return the version that a compiled requirements file pins for each package."""
    pins: dict[str, str] = {}
    for line in (_ROOT / name).read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line)
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", f"{line} is not pinned"
            pins[canonicalize_name(requirement.name)] = specifier.version
    return pins


def direct_dependencies(*extras: str) -> list[Requirement]:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("name", "extras"), [("requirements.txt", ()), ("requirements-dev.txt", ("dev", "encoders"))]
)
def test_every_dependency_is_pinned_within_its_range(name: str, extras: tuple[str, ...]) -> None:
    pins = pins_of(name)

    for dependency in direct_dependencies(*extras):
        pin = pins.get(canonicalize_name(dependency.name))
        assert pin is not None, f"{dependency} is not in {name}: run `make requirements`"
        assert dependency.specifier.contains(pin), f"{dependency} but {pin} in {name}"


def test_tests_run_with_the_versions_that_the_app_has() -> None:
    assert pins_of("requirements.txt").items() <= pins_of("requirements-dev.txt").items()


def test_every_dependency_says_why_it_is_there() -> None:
    text = (_ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert listed

    unexplained = [line for line in listed[1].splitlines() if not re.search(r"#\s*\S{3}", line)]

    assert unexplained == []


def test_no_file_names_a_machine_or_a_registry(tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        content = path.read_bytes()
        if b"\0" in content[:8192]:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if _MACHINE_PATH.search(line) or _REGISTRY_HOST.search(line):
                found.append(f"{path.relative_to(_ROOT)}:{number}: {line.strip()[:120]}")

    assert found == []


def test_nothing_that_is_made_is_tracked(tracked: list[Path]) -> None:
    made = re.compile(
        r"(^|/)(var|\.venv|__pycache__|[^/]+\.egg-info)/|\.(sqlite3|pyc|log|ckpt|pt)$"
    )

    found = [str(path.relative_to(_ROOT)) for path in tracked]

    assert [name for name in found if made.search(name)] == []


def test_every_room_is_small_enough_to_know(tracked: list[Path]) -> None:
    rooms = [path for path in tracked if path.suffix in {".py", ".js", ".css"}]
    assert rooms

    too_long = {
        str(path.relative_to(_ROOT)): lines
        for path in rooms
        if (lines := len(path.read_text().splitlines()))
        > (120 if path.parent == _ROOT / "pages" else 400)
    }

    assert too_long == {}


def test_every_folder_of_tests_is_a_package(tracked: list[Path]) -> None:
    folders = {
        path.parent for path in tracked if re.fullmatch(r"(test_.*|conftest)\.py", path.name)
    }

    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: str(path.relative_to(_ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", document.read_text())

    local = [target for target in targets if not re.match(r"[a-z]+:", target)]

    assert [target for target in local if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: str(path.relative_to(_ROOT)))
def test_documents_name_only_targets_that_make_knows(document: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (_ROOT / "Makefile").read_text(), re.MULTILINE))

    named = set(re.findall(r"(?:`|^ *)make ([a-z-]+)", document.read_text(), re.MULTILINE))

    assert named - known == set()
