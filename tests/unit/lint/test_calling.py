"""What is passed over unparsed: it never changes what is found."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.catalog import store
from parity.config.project import Project
from parity.config.targets import resolve_target
from parity.lint.asked import asked_of
from parity.lint.calling import Calling
from parity.lint.files import kind_of
from parity.lint.linter import OWN, Rules, lint_text
from parity.lint.scanners import SCANNERS

EXAMPLES = [(example.file, example.text) for card in store.lint_book().cards for example in card.examples]
PYTHON = [(file, text) for file, text in EXAMPLES if kind_of(file) == "python"]
ROOT = Path(__file__).resolve().parents[3]
# Lines that come near what a rule looks for, from either side of its text filter.
LINES = st.sampled_from(
    ["NUM_SMS = 132", "num_sms: int = (\n    132\n)", "def f(sm_count=108): ...", "self.num_cu=304", "nsm = 66 * 2",
     "class A:\n    SM_COUNT: 'int' = 132", "def g(*, num_sms: int = 144): ...", "lambda n_sm = 142: n_sm", "n_sms = 1",
     "PEAK_FLOPS = 989e12", "peak_bw_gbps: float = 3352.", "def h(theoretical_bandwidth=(3352)): ...", "x.peak_tflops = 989",
     "def is_hopper():\n    return torch.cuda.get_device_capability() >= (9, 0)",
     "is_sm100 = torch.cuda.get_device_capability() >= (\n    10, 0)", "major, _ = torch.cuda.get_device_capability()",
     "use_tcgen05 = major >= 10", "has_wgmma = props.major >= 9", "if torch.cuda.get_device_capability()[0] >= 9: pass",
     "if 'cuda' or 'hip' in name: pass", 'a = "gfx942" or "gfx950" == arch', "b = ('sm90' or 'sm100' in s)",
     "if 'H20' in torch.cuda.get_device_name(): pass", 'ok = ("L4"\n      in device_name)', "'MI300' not in props.name",
     "if 'A10' in my_device_name(0).upper(): pass"]
)  # fmt: skip
QUIET = settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))


class _Whole(Calling):
    """Takes every rule of the kind for called for, and has Python read whole."""

    def of(self, path: str, kind: str, text: str) -> list:
        del text
        return [one.card for one in self._there(path, kind)[0]]

    def words_of(self, cards: object) -> frozenset[str]:
        return frozenset()


def rules_for(target: str) -> tuple[Rules, Rules]:
    asked = asked_of(resolve_target(target, Project(), source="test"), gated=True)
    with_filter, whole = Rules(asked, lambda _: True), Rules(asked, lambda _: True)
    spoken = [card for card in whole.cards.values() if card.id not in OWN]
    whole.calling = _Whole(spoken, {card.id: frozenset() for card in spoken})
    return with_filter, whole


RULES = {name: rules_for(name) for name in ("h100", "mi300x")}


def same(path: str, text: str) -> int:
    """Return how many findings a file has, the same with and without the filter."""
    kind, count = kind_of(path), 0
    for with_filter, whole in RULES.values():
        found = lint_text(path, text, kind or "", with_filter)[0]
        every = lint_text(path, text, kind or "", whole)[0]
        # A file that nothing calls for is not parsed, so it is not known to be broken.
        told = any(one.rule == "file-not-parsed" for one in found)
        assert found == [one for one in every if told or one.rule != "file-not-parsed"]
        count += len(found)
    return count


@pytest.mark.parametrize("case", EXAMPLES, ids=lambda case: case[0])
def test_the_examples_of_the_cards_are_found_alike(case: tuple[str, str]) -> None:
    if kind_of(case[0]) in SCANNERS:
        same(*case)


@QUIET
@given(
    lines=st.lists(LINES, min_size=1, max_size=5),
    path=st.sampled_from(["ops.py", "bench/perf_a.py", "tests/test_a.py"]),
)
def test_lines_near_a_rule_are_found_alike(lines: list[str], path: str) -> None:
    same(path, "import torch\n" + "\n".join(lines) + "\n")


@QUIET
@given(
    case=st.sampled_from(PYTHON),
    at=st.integers(0, 400),
    piece=st.text("\n \\():,='\"0129", max_size=3),
    cut=st.integers(0, 3),
)
def test_mutated_python_is_found_alike(case: tuple[str, str], at: int, piece: str, cut: int) -> None:
    file, text = case
    same(file, text[:at] + piece + text[at + cut :])


def test_this_repository_is_found_alike() -> None:
    paths = sorted(ROOT.glob("parity/**/*.py"))[::7]
    assert len(paths) > 20
    for path in paths:
        same(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def test_the_lines_above_hold_findings() -> None:
    assert same("ops.py", "NUM_SMS = 132\nn_sms = 108\n") > 0
    assert same("ops.py", "if 'cuda' or 'hip' in name: pass\n") > 0
    assert same("ops.py", "import torch\nif 'H20' in torch.cuda.get_device_name(): pass\n") > 0


def test_every_rule_says_what_calls_for_it() -> None:
    """A rule that any file calls for has every file of its kinds parsed: minutes on a tree full of YAML or scripts."""
    with_filter, _ = RULES["h100"]
    for card in with_filter.cards.values():
        for kind in card.files if card.id not in OWN else ():
            called = [one.id for one in with_filter.calling.of("x", kind, "")]
            assert card.id not in called or kind in ("tuned-rows", "tuned-table", "model-config"), (card.id, kind)


@pytest.mark.parametrize(
    ("pins", "text", "called"),
    [
        ({}, "torch==2.9.1", set()),
        ({"torch": "==2.9.*"}, "torch==2.9.1", {"pin-conflicts-with-target"}),
        ({"torch": "==2.9.*"}, "numpy==2.9.1", set()),
        ({"flash_attn": ">=2"}, "flash-attn==2.8", {"pin-conflicts-with-target"}),
        ({"cuda": ">=13"}, "image: nvcr.io/nvidia/pytorch:25.01-py3", {"pin-conflicts-with-target"}),
        ({"driver": ">=570"}, "torch==2.9.1", {"driver-too-old-for-cuda"}),
        ({"driver": ">=570", "torch": "==2.9.*"}, "torch", {"pin-conflicts-with-target", "driver-too-old-for-cuda"}),
    ],
)
def test_rules_about_pins_are_called_for_by_what_the_target_pins(
    pins: dict[str, str], text: str, called: set[str]
) -> None:
    about_pins = {"pin-conflicts-with-target", "driver-too-old-for-cuda"}
    target = resolve_target("h100", Project(), source="test")
    rules = Rules(asked_of(msgspec.structs.replace(target, stack=pins)), lambda name: name in about_pins)
    assert {card.id for card in rules.calling.of("requirements.txt", "requirements", text)} == called
