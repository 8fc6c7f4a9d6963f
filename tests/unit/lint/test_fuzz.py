"""Every scanner on arbitrary and mutated text: no exception, no hang, and every place lies in the file."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import parity.lint
from parity.catalog import store
from parity.config.project import Project
from parity.config.targets import resolve_target
from parity.lint.asked import asked_of
from parity.lint.files import kind_of
from parity.lint.linter import Rules, lint_text
from parity.lint.scan import decoded
from parity.lint.scanners import SCANNERS, scan
from parity.lint.shell import MAX_EXPANSION
from parity.lint.source import Source

if sys.version_info >= (3, 11):
    from re._parser import parse as parse_pattern
else:
    from sre_parse import parse as parse_pattern

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
SECONDS = 30  # of the processor: many times what each takes, far below what runs away


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


JUNK = (
    "${" * 20_000, "(" * 20_000, '"' * 20_001, "$(" * 20_000, "a=" * 20_000, "{{" * 20_000, "[" * 20_000, "\\\n" * 20_000,
    "ENV A=" + "x" * 100_000, "# parity: ignore[" * 5_000, "-" * 50_000, "torch" * 20_000, "cu1" * 30_000, "#[[" * 10_000,
    "RUN <<A\n" * 3_000, "FROM a AS b\nFROM b AS a\n" * 2_000, "set(CMAKE_CUDA_ARCHITECTURES " + "9" * 50_000 + ")",
    "export TORCH_CUDA_ARCH_LIST=${TORCH_CUDA_ARCH_LIST:-" * 2_000, "a: &a [*a]\n", "compute_" * 10_000, "bw" * 50_000,
    "sm:" * 30_000, "n_sm" + " " * 100_000, ">= " * 30_000, "' or '" * 20_000, '1" ' * 30_000, "--a" * 30_000, "\n" * 200_000,
    "_" * 100_000, "a." * 50_000 + "b = 1", "nvcc " + "compute_80,code=[" * 20_000, "- conda: a-" * 8_000, "#SBATCH " * 10_000,
    'name = "torch"\n' * 5_000, '[[package]]\nname = "torch"\nversion = "1"\n' * 2_000, "x = " + "(" * 5_000, "-" * 5_000 + "1",
    "gfx,cu_num\n" + "gfx942,304\n" * 20_000, '{"model_type": "llama", ' + '"a": {' * 20_000, "? " * 20_000, "<<A " * 20_000,
    "import torch\n" + "_sm_count" * 5_000 + " = 132", "ENV A=1 \\\n# c\n" * 5_000, "%YAML 1.1\n" * 5_000,
    "".join(f"V{n + 1}=$V{n}$V{n}\n" for n in range(200)), "".join(f"ENV V{n + 1}=$V{n}$V{n}\n" for n in range(200)),
    "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(100)),
)  # fmt: skip
# What has a file read by every scanner: each holds a word that calls for a rule.
HEAD = (
    'TORCH_CUDA_ARCH_LIST torch compute_ -arch= CUDA_LAUNCH_BLOCKING nvidia.com/gpu "model_type" #SBATCH num_sms = 1 '
    "get_device_capability >= (9, 0) hopper peak_bw = 1 environ mark.perf perf_counter elapsed_time -gencode \n"
)


def seconds_for(kind: str, junk: str) -> float:
    file = SAMPLE.get(kind, ("uv.lock", ""))[0]
    started = time.process_time()
    for text in (HEAD + junk, junk):
        lint_text(file, text, kind, RULES["h100"])
    return time.process_time() - started


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_takes_long(kind: str) -> None:
    assert {junk[:12]: taken for junk in JUNK if (taken := seconds_for(kind, junk[:10_000])) > SECONDS} == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: repr(junk[:12]))
def test_no_long_text_takes_long(kind: str, junk: str) -> None:
    assert seconds_for(kind, junk) < SECONDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_doubles_in_each_line_stays_small(kind: str) -> None:
    lines = {"dockerfile": "ARG V{1}=$V{0}$V{0}\n", "shell": "V{1}=$V{0}$V{0}\n", "make": "x:\n\tV{1}=$$V{0}$$V{0}\n"}
    text = "ARG V0=aaaa\nV0=aaaa\n" + "".join(lines.get(kind, "V{1}=$V{0}\n").format(n, n + 1) for n in range(64))
    facts = scan(Source("x", text), kind)
    assert all(len(one.value or "") <= 2 * MAX_EXPANSION for one in facts.settings)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(QUIET, max_examples=3_000)
@given(text=TEXTS, target=st.sampled_from(sorted(TARGETS)))
def test_any_text_is_judged(kind: str, text: str, target: str) -> None:
    lies_inside(HEAD + text, SAMPLE.get(kind, ("uv.lock", ""))[0], kind, target)


@QUIET
@given(
    raw=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: text.encode("utf-16"))),
    cut=st.integers(0, 400),
)
def test_any_bytes_are_survived(raw: bytes, cut: int) -> None:
    for file, text in EXAMPLES[:: max(len(EXAMPLES) // 12, 1)]:
        whole = text.encode()
        mixed = decoded(b"\xef\xbb\xbf" + whole[:cut] + raw + whole[cut:].replace(b"\n", b"\r\n"))
        lies_inside(mixed, file, kind_of(file) or "", "h100") if kind_of(file) in SCANNERS else None


# Patterns of which one unbounded repeat lies in another; each is told why it cannot run away.
NESTED = {
    "archs._GFX",  # each round begins with `-`, which the others do not hold
    "cmake._TOKEN",  # nothing follows the repeats of an alternative, so none is taken back
    "dockerfile._FLAGS",  # each round begins with `--`, and nothing follows
    "dockerfile._FROM",  # each round ends with blanks, of which the next has none
    "pixi._CONDA_FILE",  # asked of 300 characters at most
}


def patterns() -> dict[str, re.Pattern[str]]:
    found = {f"card {card.id}": re.compile(one) for card in store.lint_book().cards for one in card.patterns}
    for module in pkgutil.walk_packages(parity.lint.__path__, "parity.lint."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                found[f"{module.name.removeprefix('parity.lint.')}.{name}"] = value
    return found


def nested(tree: Any, *, inside: bool = False) -> bool:
    """Return whether an unbounded repeat lies in another one."""
    for operation, argument in tree:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            unbounded = str(argument[1]) == "MAXREPEAT"
            if (inside and unbounded) or nested(argument[2], inside=inside or unbounded):
                return True
        elif (
            (name == "SUBPATTERN" and nested(argument[3], inside=inside))
            or (name == "BRANCH" and any(nested(branch, inside=inside) for branch in argument[1]))
            or (name in ("ASSERT", "ASSERT_NOT") and nested(argument[1], inside=inside))
        ):
            return True
    return False


def test_no_pattern_nests_unbounded_repeats_unless_it_says_why() -> None:
    known = patterns()
    assert len(known) > 60
    found = {name for name, one in known.items() if nested(parse_pattern(one.pattern, one.flags))}
    assert found == NESTED
    assert nested(parse_pattern("(a+)+b", 0))


def test_no_searched_pattern_begins_with_a_run_of_what_may_stand_anywhere() -> None:
    """``^\\s*x`` in a search over lines takes quadratic time over empty lines."""
    wrong = [name for name, one in patterns().items() if one.flags & re.MULTILINE and one.pattern.startswith(r"^\s*")]
    assert wrong == []
