"""Compiles the catalog into the wheel: one file in place of hundreds, which nobody then has to parse or to list."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileCatalog(BuildHookInterface):  # type: ignore[type-arg]
    """Adds ``parity/rules/compiled.jsonl`` to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the compiled catalog beside the build and include it; editable installs read the YAML."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from parity.catalog.compiling import compile_folder

        compiled = Path(self.directory) / "compiled.jsonl"
        compiled.parent.mkdir(parents=True, exist_ok=True)
        compiled.write_bytes(compile_folder(Path(self.root) / "rules"))
        build_data["force_include"][str(compiled)] = "parity/rules/compiled.jsonl"
