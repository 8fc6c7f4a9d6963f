"""Chosen backends as text."""

from __future__ import annotations

from parity.model.backends import BackendAnswer, BackendOutcome, BackendRow, BackendsReport, Differs
from parity.reports import backends_text


def answer(*outcomes: tuple[str, tuple[str, ...]], arch: str = "sm_90", unknown: str = "") -> BackendAnswer:
    told = tuple(BackendOutcome(choice=choice, when=when) for choice, when in outcomes)
    return BackendAnswer(arch=arch, outcomes=told, unknown=unknown)


def row(topic: str, target: BackendAnswer | None, here: BackendAnswer | None, differs: Differs) -> BackendRow:
    return BackendRow(
        package="vllm", version="0.33.0", topic=topic, asked="BF16", source="vllm/x.py: choose",
        target=target, here=here, differs=differs,
    )  # fmt: skip


ROWS = (
    row("attention", answer(("FA", ())), answer(("TRITON", ())), "yes"),
    row("version", answer(("3", ())), answer(("3", ())), "no"),
    row("recipe", answer(("a", ("x",)), ("b", ("not (x)",))), answer(("a", ())), "sometimes"),
    row("kernel", answer(unknown="it is in C++"), answer(unknown="it is in C++"), "unknown"),
)
BOTH = BackendsReport(target="sm_90", here="sm_89", cuda="12.8", rows=ROWS, exit_status=1)


def test_both_sides() -> None:
    assert backends_text.render(BOTH) == (
        "target: sm_90; here: sm_89; torch built with CUDA 12.8\n"
        "\n"
        "vllm 0.33.0\n"
        "  choice     target   here\n"
        "  attention  FA       TRITON   differs\n"
        "  recipe     a or b   a        may differ\n"
        "  kernel     unknown  unknown  unknown\n"
        "      it is in C++\n"
        "  1 alike (-v)\n"
        "\n"
        "of 4 choices 1 differ between sm_89 and sm_90, 1 may, 1 are alike, 1 are unknown\n"
    )


def test_verbose_tells_the_question_its_source_and_the_conditions() -> None:
    text = backends_text.render(BOTH, verbose=True, width=160)
    assert "  version    3        3        same\n      BF16: vllm/x.py: choose\n" in text
    assert "      sm_90: b when not (x)\n" in text


def test_one_side() -> None:
    rows = (row("attention", answer(("FA", ())), None, "unknown"), row("mm", answer(("no", ())), None, "unknown"))
    text = backends_text.render(BackendsReport(target="sm_90", here=None, rows=rows))
    assert text == (
        "target: sm_90; CUDA of torch unknown\n"
        "\n"
        "vllm 0.33.0\n"
        "  choice     target\n"
        "  attention  FA\n"
        "  1 not available (-v)\n"
        "\n"
        "2 choices, 0 unknown; with --here, those of this machine are set beside them\n"
    )
