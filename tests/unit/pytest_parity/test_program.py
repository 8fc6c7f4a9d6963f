"""The program starts from its own package, in a repository that has one of its name, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[3]


def start(folder: Path, *words: str, path: str) -> subprocess.CompletedProcess[str]:
    """Start the program as its entry point does, with a path that begins with what PYTHONPATH holds."""
    module, _, name = entry().partition(":")
    load = (
        "import importlib.util, sys; "
        f"spec = importlib.util.spec_from_file_location({module!r}, {str(ROOT / module.replace('.', '/')) + '.py'!r}); "
        "found = importlib.util.module_from_spec(spec); sys.modules[spec.name] = found; spec.loader.exec_module(found); "
        f"sys.argv[0] = 'parity'; del sys.path[0]; found.{name}()"
    )
    about = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-c", load, *words], cwd=folder, env=about, capture_output=True, text=True, check=False
    )


def entry() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["scripts"]["parity"])


@pytest.mark.parametrize("body", ["", "raise SystemExit('theirs')\n"])
@pytest.mark.parametrize("where", [".", "{folder}", "gone:."])
def test_a_package_parity_of_the_users_is_not_taken_for_ours(where: str, body: str, tmp_path: Path) -> None:
    (tmp_path / "parity").mkdir()
    (tmp_path / "parity" / "__init__.py").write_text(body)
    done = start(tmp_path, "doctor", "--target", "h1000", path=where.format(folder=tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("parity: --target: no catalog entry named 'h1000'")


def test_the_path_is_left_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text("import sys\nprint(sys.path[0])\nraise SystemExit(7)\n")
    done = start(tmp_path, "doctor", path=str(tmp_path))
    assert (done.returncode, done.stdout) == (7, f"{tmp_path}\n")
