"""What a command imports is what it needs: start-up is most of a short command's time (benchmarks/doctor_startup.py).

Modules are counted, never seconds, so that the same run tells the same everywhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from parity.catalog import store

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "workstation-rtx-4090.json"
LLAMA = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "intermediate_size": 14336, "torch_dtype": "bfloat16",
    "id2label": {str(number): f"LABEL_{number}" for number in range(100)},
}  # fmt: skip
# Each took a millisecond or more of an answer that takes fifty, and answers nothing here.
NEVER = {
    "asyncio", "concurrent", "dataclasses", "difflib", "http", "importlib.metadata", "logging", "multiprocessing",
    "pynvml", "rich", "shutil", "subprocess", "tempfile", "torch", "typing_extensions", "unittest", "yaml", "zipfile",
}  # fmt: skip
# What `parity model` does without besides: reading a folder, comparing versions, copying, building a whole file.
NOT_FOR_A_MODEL = NEVER | {
    "copy", "fnmatch", "hashlib", "inspect", "ipaddress", "json", "packaging", "pathlib", "random", "struct", "tomllib", "urllib",
}  # fmt: skip
OF_A_MODEL = [
    "parity",
    "parity.catalog",
    "parity.catalog.compiled",
    "parity.catalog.head_dims",
    "parity.catalog.libraries",
    "parity.catalog.store",
    "parity.cli",
    "parity.cli.folding",
    "parity.cli.issue_formats",
    "parity.cli.main",
    "parity.cli.model",
    "parity.cli.model_flags",
    "parity.cli.model_question",
    "parity.cli.options",
    "parity.config",
    "parity.config.project",
    "parity.config.targets",
    "parity.errors",
    "parity.inputs",
    "parity.model",
    "parity.model.absent",
    "parity.model.finding",
    "parity.model.footprint",
    "parity.model.kernel_library",
    "parity.model.model_gate",
    "parity.model.model_rule",
    "parity.model.partition",
    "parity.model.policy",
    "parity.model.products",
    "parity.model.rule",
    "parity.model.spec",
    "parity.model.target",
    "parity.model.workload",
    "parity.outputs",
    "parity.reports",
    "parity.reports.model_rows",
    "parity.reports.model_text",
    "parity.units",
    "parity.workload",
    "parity.workload.bound",
    "parity.workload.config_file",
    "parity.workload.config_values",
    "parity.workload.demands",
    "parity.workload.dtypes",
    "parity.workload.engine_cache",
    "parity.workload.engines",
    "parity.workload.estimate",
    "parity.workload.experts",
    "parity.workload.families",
    "parity.workload.family_rows",
    "parity.workload.findings",
    "parity.workload.footprint",
    "parity.workload.head_dims",
    "parity.workload.kv_cache",
    "parity.workload.layer_kinds",
    "parity.workload.layer_order",
    "parity.workload.link_domain",
    "parity.workload.stages",
    "parity.workload.links",
    "parity.workload.model_config",
    "parity.workload.model_shape",
    "parity.workload.number_formats",
    "parity.workload.parameters",
    "parity.workload.quantization",
    "parity.workload.question",
    "parity.workload.recurrent_state",
    "parity.workload.shapes",
    "parity.workload.tiles",
    "parity.workload.workings",
]


def imported(words: list[str], folder: Path) -> set[str]:
    """Return the modules that a process has after a command and had not before it."""
    store.compiled()  # whoever compiles the catalog first reads YAML
    code = (
        "import sys, argparse, uuid\n"  # what every command needs; old Pythons import subprocess with them
        "before = set(sys.modules)\n"
        "from parity.cli.main import main\n"
        f"assert main({words!r}) in (0, 1)\n"
        "print(*(set(sys.modules) - before), file=sys.stderr)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PARITY_", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.fixture
def model_modules(folder: Path) -> set[str]:
    """Return the modules of ``parity model``."""
    (folder / "config.json").write_text(json.dumps(LLAMA))
    return imported(["model", "config.json", "--target", "2xh100"], folder)


def test_a_model_is_answered_by_these_modules_alone(model_modules: set[str]) -> None:
    assert sorted(name for name in model_modules if name.split(".")[0] == "parity") == sorted(OF_A_MODEL)


def test_a_model_is_answered_without_what_takes_long_to_import(model_modules: set[str]) -> None:
    assert "msgspec" in model_modules
    assert not {name for name in model_modules for long in NOT_FOR_A_MODEL if f"{name}.".startswith(f"{long}.")}


@pytest.mark.parametrize(
    "words", [["doctor", "--target", "h100", "--format", "json", "--fingerprint", str(EXAMPLE)], ["rule"], ["targets"]]
)
def test_no_command_imports_what_it_does_not_ask(words: list[str], folder: Path) -> None:
    modules = imported(words, folder)
    assert "parity.cli.main" in modules
    assert not {name for name in modules for long in NEVER if f"{name}.".startswith(f"{long}.")}
