"""Knows which kind of file a path is; the kind decides which scanner reads it."""

from __future__ import annotations

import re
from posixpath import basename

from parity.binaries.tuned_names import kind_of as table_kind

# kind -> what it is, in words
KINDS = {
    "dockerfile": "Dockerfile or Containerfile",
    "github-workflow": "GitHub Actions workflow or composite action",
    "gitlab-ci": "GitLab CI pipeline",
    "buildkite": "Buildkite pipeline",
    "yaml": "Kubernetes manifest, compose file, Helm values or conda environment",
    "shell": "shell script, SLURM batch script or dotenv file",
    "make": "Makefile",
    "cmake": "CMake file",
    "requirements": "requirements or constraints file",
    "pyproject": "pyproject.toml, pixi.toml",
    "lock": "uv.lock, poetry.lock, pdm.lock, pixi.lock",
    "python": "Python source",
    "tuned-table": "tuned kernel table, known by its file name",
    "tuned-rows": "tuned kernel table of AITER, keyed by gfx target and CU count",
    "model-config": "config.json of a model",
}
_DOCKERFILE = re.compile(r"^(?:docker|container)file(?:$|[.\-_])|[.\-_](?:docker|container)file$", re.IGNORECASE)
_NOT_DOCKERFILE = (
    ".dockerignore",
    ".md",
    ".rst",
    ".py",
    ".yml",
    ".yaml",
    ".json",
    ".txt",
    ".sh",
    ".j2",
    ".jinja",
    ".tmpl",
)
_REQUIREMENTS = re.compile(r"(?:^|[-_.])(?:requirements?|constraints?)(?:$|[-_.])", re.IGNORECASE)
_TABLES = {"device-json": "tuned-table", "csv": "tuned-rows"}
_BY_SUFFIX = {".py": "python", ".sh": "shell", ".bash": "shell", ".slurm": "shell", ".sbatch": "shell",
              ".cmake": "cmake", ".mk": "make", ".yaml": "yaml", ".yml": "yaml"}  # fmt: skip
_BY_NAME = {"makefile": "make", "gnumakefile": "make", "cmakelists.txt": "cmake", "pyproject.toml": "pyproject",
            "pixi.toml": "pyproject", "config.json": "model-config", "uv.lock": "lock", "poetry.lock": "lock",
            "pdm.lock": "lock", "pixi.lock": "lock",
            ".env": "shell", ".gitlab-ci.yml": "gitlab-ci", ".gitlab-ci.yaml": "gitlab-ci",
            "action.yml": "github-workflow", "action.yaml": "github-workflow"}  # fmt: skip


def kind_of(path: str) -> str | None:
    """Return the kind of a file by its path, None when no scanner takes it.

    >>> kind_of("docker/Dockerfile.rocm"), kind_of(".github/workflows/bench.yml"), kind_of("README.md")
    ('dockerfile', 'github-workflow', None)
    """
    name = basename(path)
    lower = name.lower()
    if lower in _BY_NAME:
        return _BY_NAME[lower]
    suffix = lower[lower.rfind(".") :] if "." in lower[1:] else ""
    if suffix == ".py":
        return "python"
    if _DOCKERFILE.search(lower) and not lower.endswith(_NOT_DOCKERFILE):
        return "dockerfile"
    if suffix in (".yml", ".yaml"):
        return _yaml_kind(f"/{path}".lower())
    if (suffix in (".txt", ".in") and _REQUIREMENTS.search(lower)) or (
        suffix in (".txt", ".in") and "/requirements/" in f"/{path}"
    ):
        return "requirements"
    if suffix in (".json", ".csv"):
        return _TABLES.get(table_kind(path) or "")
    return _BY_SUFFIX.get(suffix)


def _yaml_kind(path: str) -> str:
    if "/.github/workflows/" in path or "/.github/actions/" in path:
        return "github-workflow"
    if ".gitlab-ci" in path or "/.gitlab/" in path:
        return "gitlab-ci"
    if "buildkite" in path:
        return "buildkite"
    return "yaml"
