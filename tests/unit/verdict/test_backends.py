"""Whether two machines get another choice, condition by condition."""

from __future__ import annotations

import pytest

from parity.backends.machine import AskedMachine
from parity.backends.question import Question
from parity.model.backends import BackendAnswer, BackendOutcome
from parity.verdict.backends import backends_report, differs


def answer(*outcomes: tuple[str, tuple[str, ...]], arch: str = "sm_90", unknown: str = "") -> BackendAnswer:
    told = tuple(BackendOutcome(choice=choice, when=when) for choice, when in outcomes)
    return BackendAnswer(arch=arch, outcomes=told, unknown=unknown)


@pytest.mark.parametrize(
    ("target", "here", "expected"),
    [
        (answer(("fa3", ())), answer(("fa2", ())), "yes"),
        (answer(("fa3", ())), answer(("fa3", ())), "no"),
        (answer(unknown="why"), answer(("fa3", ())), "unknown"),
        (answer(("a", ("x",)), ("b", ("not (x)",))), answer(("a", ("x",)), ("b", ("not (x)",))), "no"),
        (answer(("a", ("x",)), ("b", ("not (x)",))), answer(("a", ("x",)), ("c", ("not (x)",))), "sometimes"),
        (answer(("a", ("x",)), ("b", ("not (x)",))), answer(("b", ("x",)), ("a", ("not (x)",))), "yes"),
        (answer(("a", ())), answer(("a", ("x",)), ("b", ("not (x)",))), "sometimes"),
        (answer(("c", ())), answer(("a", ("x",)), ("b", ("not (x)",))), "yes"),
    ],
)  # fmt: skip
def test_differs(target: BackendAnswer, here: BackendAnswer, expected: str) -> None:
    assert differs(target, here) == expected
    assert differs(here, target) == expected


def question(choices: dict[str, str]) -> Question:
    return Question("pack", "topic", "asked", "source", lambda on: answer((choices[on.arch], ()), arch=on.arch))


@pytest.mark.parametrize(("choices", "status"), [({"sm_90": "a", "sm_89": "b"}, 1), ({"sm_90": "a", "sm_89": "a"}, 0)])
def test_a_report_fails_when_a_choice_differs(choices: dict[str, str], status: int) -> None:
    machines = [AskedMachine(arch=arch, cuda="12.8") for arch in ("sm_90", "sm_89")]
    report = backends_report([question(choices)], versions={"pack": "1.0"}, target=machines[0], here=machines[1])
    assert (report.exit_status, report.target, report.here, report.cuda) == (status, "sm_90", "sm_89", "12.8")
    assert report.rows[0].version == "1.0"


def test_one_side_alone_is_told_and_never_differs() -> None:
    here = AskedMachine(arch="sm_90")
    report = backends_report([question({"sm_90": "a"})], versions={}, target=None, here=here)
    assert (report.exit_status, report.rows[0].differs, report.rows[0].target) == (0, "unknown", None)


def test_no_known_choice_is_no_pass() -> None:
    dark = Question("pack", "topic", "asked", "source", lambda on: answer(arch=on.arch, unknown="it is in C++"))
    machines = [AskedMachine(arch=arch) for arch in ("sm_90", "sm_89")]
    assert backends_report([dark], versions={}, target=machines[0], here=machines[1]).exit_status == 3
    assert backends_report([dark], versions={}, target=machines[0], here=None).exit_status == 3
    both = [dark, question({"sm_90": "a", "sm_89": "a"})]
    assert backends_report(both, versions={}, target=machines[0], here=machines[1]).exit_status == 0
