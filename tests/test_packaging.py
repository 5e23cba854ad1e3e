"""What the wheel and the source archive contain."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module", name="built")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="hatchling builds the archives")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    return folder


def _source_files() -> set[str]:
    kept = (path for path in (ROOT / "handrail").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(ROOT)) for path in kept}


def test_wheel_holds_the_whole_package(built: Path) -> None:
    """Every file of the package is in the wheel: templates, SQL, schema, models, py.typed, and nothing else is."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert {name for name in names if not name.startswith("handrail-")} == _source_files()


def test_wheel_names_its_entry_points_and_licence(built: Path) -> None:
    """The command, the instrumentor and the pytest plugin are declared; the licence goes along."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        info = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
        entry_points = wheel.read(info).decode()
        assert any(name.endswith("LICENSE") for name in wheel.namelist())
    assert "handrail = handrail.cli:main" in entry_points
    assert "handrail = handrail.frameworks.instrumentor:HandrailInstrumentor" in entry_points
    assert "handrail = handrail.testing.plugin" in entry_points


def test_source_archive_can_be_tested(built: Path) -> None:
    """The source archive has the tests and no leftovers of a working copy."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert "tests/test_packaging.py" in names
    assert not [name for name in names if ".handrail/" in name or name.endswith((".pyc", ".duckdb"))]
