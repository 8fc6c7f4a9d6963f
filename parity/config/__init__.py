"""A project's declarations: its file, its targets, its policy."""

from parity.config.project import Project, load_project
from parity.config.project_file import find_project
from parity.config.targets import resolve_target

__all__ = ["Project", "find_project", "load_project", "resolve_target"]
