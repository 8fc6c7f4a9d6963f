"""Knows what is generated from the data: JSON Schemas and the pages about rules and targets.

``python -m parity.cli.generate`` writes them; ``--check`` only says whether a file would change (continuous integration
runs that). Not a command of users.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from parity import session
from parity.catalog import store
from parity.cli import rule, targets
from parity.config.project import Project
from parity.config.project_file import ProjectFile
from parity.inputs import convert_all, load_yaml, read_bytes
from parity.lint.baseline import Baseline
from parity.model.backends import BackendsReport
from parity.model.compare import Comparison
from parity.model.coverage import KernelsReport
from parity.model.environment import EnvironmentCard
from parity.model.fingerprint import Fingerprint
from parity.model.fleet import Fleet
from parity.model.history import NodeHistory
from parity.model.interval import Interval
from parity.model.kernel_library import KernelLibrary
from parity.model.kernel_names import KernelNames
from parity.model.kernel_resources import ResourcesReport
from parity.model.lint import LintCard, LintReport
from parity.model.measurement import MeasureReport
from parity.model.model_rule import ModelCard
from parity.model.models_report import ModelsReport
from parity.model.rule import RuleCard
from parity.model.run import Run
from parity.model.spec import DeviceSpec
from parity.model.stack_facts import StackFacts
from parity.model.tuned import TunedReport
from parity.model.verdict import Verdict
from parity.model.watch import WatchReport
from parity.model.workload import ModelReport
from parity.reports import text_report

SCHEMAS: dict[str, tuple[Any, str]] = {
    "fingerprint-1": (Fingerprint, "A machine, as `parity capture` writes it."),
    "verdict-1": (Verdict, "A judgement, as `parity doctor --format json` prints it."),
    "conditions-1": (Interval, "The conditions a test ran under, as the pytest plugin records them."),
    "watch-1": (WatchReport, "Devices while a command ran, as `parity watch --format json` writes it."),
    "run-1": (Run, "A pytest run, as `--parity-report=FILE.json` writes it."),
    "model-1": (ModelReport, "What a model asks of a target, as `parity model --format json` prints it."),
    "models-1": (ModelsReport, "A project's models, as `parity model --format json` prints them without a model."),
    "model-rule-1": (ModelCard, "A card under rules/models."),
    "resources-1": (ResourcesReport, "Needs of kernels, as `parity kernels --resources --format json` prints them."),
    "fleet-1": (Fleet, "Many nodes, as `parity fleet --format json` prints them."),
    "history-1": (NodeHistory, "One node over time, as `parity diff --since --format json` prints it."),
    "measure-1": (MeasureReport, "What devices delivered, as `parity measure --format json` prints it."),
    "compare-1": (Comparison, "Devices side by side, as `parity compare --format json` prints it."),
    "project-1": (ProjectFile, "parity.yaml, or [tool.parity] of pyproject.toml."),
    "kernels-1": (KernelsReport, "Device code of packages, as `parity kernels --format json` prints it."),
    "tuned-1": (TunedReport, "Tuned kernel tables, as `parity kernels --tuned --format json` prints them."),
    "backends-1": (BackendsReport, "Chosen backends, as `parity kernels --backends --format json` prints them."),
    "rule-1": (RuleCard, "A rule card under rules/checks."),
    "device-1": (DeviceSpec, "A part under rules/devices."),
    "lint-1": (LintReport, "What `parity lint --format json` prints."),
    "lint-rule-1": (LintCard, "A lint rule's card under rules/lint."),
    "lint-baseline-1": (Baseline, "A baseline, as `parity lint --update-baseline` writes it."),
    "environment-1": (EnvironmentCard, "An entry under rules/environment."),
    "stack-1": (StackFacts, "A file under rules/stack; each holds some of the tables."),
    "kernel-library-1": (KernelLibrary, "A file under rules/kernels."),
}
NEEDS = (3, 11)
PACKAGE = Path(__file__).resolve().parent.parent


def schema(name: str) -> dict[str, Any]:
    """Return one JSON Schema (draft 2020-12)."""
    kind, title = SCHEMAS[name]
    generated = _without_indentation(msgspec.json.schema(kind))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **generated}


def _without_indentation(value: Any) -> Any:
    """Return a schema whose descriptions are the same on every Python: 3.13 strips docstrings, older ones do not."""
    if isinstance(value, dict):
        cleaned = {key: _without_indentation(item) for key, item in value.items()}
        if isinstance(value.get("description"), str):
            cleaned["description"] = inspect.cleandoc(value["description"])
        return cleaned
    return [_without_indentation(item) for item in value] if isinstance(value, list) else value


def rules_page() -> str:
    """Return the page that explains every rule."""
    lines = [
        "# Rules",
        "",
        "Generated from `rules/checks` and `rules/models`; do not edit. `parity rule NAME` prints the same.",
        "",
    ]
    for card in store.cards():
        lines += [f"## {card.id}", "", "```text", rule.described(card).rstrip(), "```", ""]
    for about in store.model_cards().values():
        lines += [f"## {about.id}", "", "```text", rule.described_model(about).rstrip(), "```", ""]
    return "\n".join(lines)


def lint_page() -> str:
    """Return the page that explains every lint rule."""
    lines = ["# Lint rules", "", "Generated from `rules/lint`; do not edit. `parity rule NAME` prints the same.", ""]
    lines += [
        "## Roles of files",
        "",
        "A file's path says what it is for in its repository (`rules/lint_data/roles.yaml`);",
    ]
    lines += ["a rule says in which roles it is silent, or silent without `--preview`. The file", ""]
    lines += [f"- `{role.id}`: {role.what}" for role in store.lint_book().data.roles] + [""]
    for card in store.lint_book().cards:
        lines += [f"## {card.id}", "", "```text", rule.described_lint(card).rstrip(), "```", ""]
    return "\n".join(lines)


def targets_page() -> str:
    """Return the page that lists every part."""
    specs = [store.device_spec(entry.id) for entry in store.index()]
    return "\n".join(
        [
            "# Targets",
            "",
            "Generated from `rules/devices`; do not edit. `parity targets NAME` shows a part with its sources.",
            "",
            "```text",
            targets.listed(specs).rstrip(),
            "```",
            "",
        ]
    )


def kernel_names() -> KernelNames:
    """Return how kernels call themselves, as the data state it.

    Raises:
        InvalidConfigError: the file is broken.
    """
    path = store.rules_folder() / "kernels" / "names" / "names.yaml"
    document = load_yaml(read_bytes(path).decode(), where=str(path))
    return convert_all(document.data, KernelNames, document=document)


def plugin_kernel_names() -> str:
    """Return the plugin's copy of the names: it reads no YAML, and imports nothing of this package."""
    told = [{"id": one.id, "name": one.name, "patterns": one.patterns} for one in kernel_names().backends]
    return msgspec.json.format(msgspec.json.encode({"backends": told}), indent=1).decode() + "\n"


def readme(text: str) -> str:
    """Return the README with its shown ``doctor`` run and its counts as they are now."""
    project = Project()
    target = session.target_of("h100", project)
    example = PACKAGE.parent / "docs" / "examples" / "workstation-rtx-4090.json"
    verdict = session.judge_fingerprint(session.fingerprint_of(str(example)), target, project)
    report = text_report.render(verdict, width=80).strip("\n")
    text = re.sub(
        r"(\$ parity doctor [^\n]*\n).*?```", lambda found: f"{found[1]}{report}\n```", text, count=1, flags=re.DOTALL
    )
    text = re.sub(r"\S+ rules over", f"{len(store.cards())} rules over", text)
    return re.sub(r"\S+ parts as sold", f"{len(store.index())} parts as sold", text)


def generated() -> dict[Path, str]:
    """Return every generated file's path and content."""
    files = {
        PACKAGE / "schemas" / f"{name}.json": msgspec.json.format(msgspec.json.encode(schema(name)), indent=2).decode()
        + "\n"
        for name in SCHEMAS
    }
    docs = PACKAGE.parent / "docs"
    files[docs / "rules.md"] = rules_page()
    files[docs / "lint.md"] = lint_page()
    files[docs / "targets.md"] = targets_page()
    files[PACKAGE.parent / "pytest_parity" / "kernel_names.json"] = plugin_kernel_names()
    page = PACKAGE.parent / "README.md"
    files[page] = readme(page.read_text(encoding="utf-8"))
    return files


def main(words: list[str]) -> int:
    """Write the files, or with ``--check`` return 1 when one is stale."""
    if sys.version_info < NEEDS:
        print("nothing generated: msgspec names the schema's generic types on Python 3.11 and newer", file=sys.stderr)
        return 0
    stale = []
    for path, text in generated().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if "--check" not in words:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'stale' if '--check' in words else 'wrote'}: {path.relative_to(PACKAGE.parent)}", file=sys.stderr)
    return 1 if stale and "--check" in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
