"""Every scanner on arbitrary and mutated text: no exception, no hang, and every place lies in the file."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.catalog import store
from parity.config.project import Project
from parity.config.targets import resolve_target
from parity.lint.asked import asked_of
from parity.lint.files import kind_of
from parity.lint.linter import Rules, lint_text
from parity.lint.scanners import SCANNERS, scan
from parity.lint.source import Source

EXAMPLES = [(example.file, example.text) for card in store.lint_book().cards for example in card.examples]
KINDS = sorted(SCANNERS)
SAMPLE = {kind_of(file): (file, text) for file, text in EXAMPLES if kind_of(file)}
TARGETS = {name: resolve_target(name, Project(), source="test") for name in ("h100", "mi300x")}
RULES = {name: Rules(asked_of(target, gated=True), lambda _: True) for name, target in TARGETS.items()}
# What the formats are made of: more of the grammar is reached than by letters.
PIECES = st.sampled_from(
    ["\n", "\\\n", "\r\n", " ", "\t", '"', "'", "$", "${", "}", "${{", "}}", "{{", "$(", ")", "(", "#", "<<EOF", "EOF\n",
     "FROM ", "ARG ", "ENV ", "RUN ", "=", ":", "- ", "|\n", ">\n", "&a ", "*a ", "[", "]", ",", ";", "&&", "if ", "fi", "`",
     "TORCH_CUDA_ARCH_LIST", "9.0", "80;90", "CUDA_LAUNCH_BLOCKING=1", "jobs:\n", "runs-on: gpu\n", "steps:\n", "run: ",
     "nvidia.com/gpu: 1\n", "containers:\n", "kind: Pod\n", "set(", "CMAKE_CUDA_ARCHITECTURES ", "#[[", "]]", "[==[",
     "torch==2.6.0", "pip install ", "--index-url ", "[[package]]\n", 'name = "torch"\n', 'version = "2.6.0"\n',
     "\x00", "\ufeff", "\ue000", "é", "😀", "#SBATCH --gres=gpu:8\n", "# parity: ignore[", "-gencode arch=compute_90,code=sm_90"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=60).map("".join)
QUIET = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
SECONDS = 10


def lies_inside(text: str, path: str, kind: str, target: str) -> None:
    findings, _ = lint_text(path, text, kind, RULES[target])
    lines = text.count("\n") + 1
    for finding in findings:
        assert 1 <= finding.line <= max(finding.end_line, finding.line) <= lines, finding
        assert finding.column >= 1, finding
        assert finding.end_column >= 1, finding
        assert finding.message, finding
        assert finding.mend, finding


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_an_example_of_each_kind(kind: str) -> None:
    assert kind in SAMPLE or kind in ("gitlab-ci", "buildkite", "lock")


@pytest.mark.parametrize("kind", KINDS)
@QUIET
@given(text=TEXTS)
def test_any_text_is_survived(kind: str, text: str) -> None:
    scan(Source(SAMPLE.get(kind, ("x", ""))[0], text), kind)


@QUIET
@given(
    case=st.sampled_from(EXAMPLES),
    at=st.floats(0, 1),
    piece=TEXTS,
    cut=st.integers(0, 12),
    target=st.sampled_from(sorted(TARGETS)),
)
def test_mutated_examples_are_survived(case: tuple[str, str], at: float, piece: str, cut: int, target: str) -> None:
    file, text = case
    kind = kind_of(file)
    if kind in SCANNERS:
        place = int(at * len(text))
        lies_inside(text[:place] + piece + text[place + cut :], file, kind, target)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "junk",
    ["${" * 20_000, "(" * 20_000, '"' * 20_001, "$(" * 20_000, "a=" * 20_000, "{{" * 20_000, "[" * 20_000, "\\\n" * 20_000,
     "ENV A=" + "x" * 100_000, "# parity: ignore[" * 5_000, "-" * 50_000, "torch" * 20_000, "cu1" * 30_000, "#[[" * 10_000,
     "RUN <<A\n" * 3_000, "FROM a AS b\nFROM b AS a\n" * 2_000, "set(CMAKE_CUDA_ARCHITECTURES " + "9" * 50_000 + ")",
     "export TORCH_CUDA_ARCH_LIST=${TORCH_CUDA_ARCH_LIST:-" * 2_000, "a: &a [*a]\n", "compute_" * 10_000],
    ids=lambda junk: repr(junk[:12]),
)  # fmt: skip
def test_no_text_takes_long(kind: str, junk: str) -> None:
    file = SAMPLE.get(kind, ("uv.lock", ""))[0]
    text = f"TORCH_CUDA_ARCH_LIST torch compute_ CUDA_LAUNCH_BLOCKING nvidia.com/gpu capability\n{junk}"
    started = time.perf_counter()
    for rules in RULES.values():
        lint_text(file, text, kind, rules)
    assert time.perf_counter() - started < SECONDS
