"""Knows how a verdict is condensed for people: like findings on several devices are one row."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from parity.model.finding import Finding
from parity.model.rule import CONCLUSIONS, SEVERITIES
from parity.units import format_fact, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.model.finding import Unknown
    from parity.model.fingerprint import Origin
    from parity.model.verdict import JudgedDevice, Verdict

CONCLUSION_WORDS = {
    "correctness": "correctness",
    "code_generation": "code generation",
    "kernel_selection": "kernel selection",
    "tuned_parameters": "tuned parameters",
    "timings_single_gpu": "single-GPU timings",
    "timings_multi_gpu": "multi-GPU timings",
    "memory_fit": "memory fit",
}


GPU_VISIBLE = "run where a GPU is visible (in a container: `--gpus all`, or /dev/kfd and /dev/dri)"
MIN_NAME = 32  # what a headline keeps of the devices' names
_NOT_FOUND = ": cannot open shared object file: No such file or directory"  # as glibc's loader says it


class Row(msgspec.Struct, frozen=True):
    """One finding, told once for all subjects it is true of."""

    finding: Finding
    subjects: tuple[str, ...]


class Question(msgspec.Struct, frozen=True):
    """One question without an answer, told once for all rules that asked it."""

    why: str
    detail: str
    rules: tuple[str, ...]
    subjects: tuple[str, ...]

    @property
    def why_text(self) -> str:
        """Return the reason in words: ``library missing``."""
        return self.why.replace("_", " ")


def rows(verdict: Verdict) -> list[Row]:
    """Return the findings with equal ones joined, in the verdict's order."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in verdict.findings:
        key = (finding.rule, finding.here, finding.wanted, finding.waived is None)
        groups.setdefault(key, []).append(finding)
    return [Row(group[0], tuple(item.subject for item in group)) for group in groups.values()]


def questions(unknowns: Sequence[Unknown]) -> list[Question]:
    """Return the unanswered questions with equal reasons joined."""
    groups: dict[tuple[str, str], list[Unknown]] = {}
    for item in unknowns:
        groups.setdefault((item.why, item.detail), []).append(item)
    return [
        Question(why, detail, _once(item.rule for item in group), _once(item.subject for item in group))
        for (why, detail), group in groups.items()
    ]


def _once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def one_line(text: str) -> str:
    r"""Return text of a driver or file on one line, without the control characters a terminal would obey.

    >>> one_line("a\x1b[31m\nb")
    'a?[31m b'
    """
    return "".join(one if one.isprintable() else " " if one.isspace() else "?" for one in text)


def subjects_text(subjects: Sequence[str]) -> str:
    """Return subjects as short as they can be told.

    >>> subjects_text(["GPU 0 (A)", "GPU 1 (A)", "GPU 2 (A)"])
    'GPU 0-2'
    >>> subjects_text(["NCCL_DEBUG"])
    'NCCL_DEBUG'
    """
    numbers = []
    for subject in subjects:
        head = subject.split(" (")[0]
        if not head.startswith("GPU ") or not head[4:].isdigit():
            return ", ".join(subjects)
        numbers.append(int(head[4:]))
    if len(numbers) > 1 and all(b - a == 1 for a, b in itertools.pairwise(numbers)):
        return f"GPU {numbers[0]}-{numbers[-1]}"
    return "GPU " + ", ".join(str(number) for number in numbers)


def configured_text(verdict: Verdict) -> str:
    """Return which rules the project changed, and to what: ``memory-bandwidth-below-target at_least 0.5``."""
    told = [
        f"{rule} " + " ".join(f"{name} {value}" for name, value in settings.items())
        for rule, settings in verdict.configured.items()
    ]
    return f"{', '.join(told)} (set by the project)"


def here_text(verdict: Verdict) -> str:
    """Return what the visible devices are, and whether it is a file that says so and not this machine."""
    return devices_text(verdict) + saved_text(verdict.fingerprint.origin)


def devices_text(verdict: Verdict) -> str:
    """Return what the visible devices are: ``8x NVIDIA H100 80GB HBM3``.

    A device the catalog does not know is told by its printed name.
    """
    counted: dict[str, int] = {}
    for device in verdict.devices:
        counted[device_name(device)] = counted.get(device_name(device), 0) + 1
    return ", ".join(f"{count}x {name}" for name, count in counted.items()) or "no GPU that could be read"


def saved_text(origin: Origin) -> str:
    """Return the remark on devices that nobody saw in this run, empty when they are here.

    >>> from parity.model.fingerprint import Origin
    >>> saved_text(Origin(kind="report", reader="nvidia-smi-q", saved=True)), saved_text(Origin(kind="live"))
    (' (saved report: nvidia-smi-q)', '')
    """
    if not origin.saved:
        return ""
    day = f" of {origin.captured_at[:10]}" if origin.captured_at else ""
    what = f"report{day}: {origin.reader}" if origin.kind == "report" and origin.reader else f"fingerprint{day}"
    return f" (saved {one_line(what)})"


def device_name(device: JudgedDevice) -> str:
    """Return the printed name of a device, with its slice; else the parts it may be."""
    name = device.name or device.identity or " or ".join(device.candidates) or "a device nobody names"
    kind, _, profile = device.partition.partition(" ")
    if kind in ("", "none", "unknown") or (profile and profile in name):
        return one_line(name)
    return one_line(f"{name} [{device.partition}]")


def identity_text(device: JudgedDevice) -> str:
    """Return what a device was identified as, and on what evidence."""
    if device.identity is not None:
        return f"{device.identity}, by {', '.join(device.evidence)}"
    if device.contradictions:
        return f"nearest {' or '.join(device.candidates)}, but {'; '.join(device.contradictions)}"
    if device.candidates:
        return f"one of {', '.join(device.candidates)}, by {', '.join(device.evidence)}"
    return "not in the catalog"


def carried(verdict: Verdict, answer: str) -> list[str]:
    """Return the conclusions with this answer, in words; with the reason where no rule is behind it."""
    return [
        CONCLUSION_WORDS[name] + (" (one GPU here)" if verdict.transfer_reasons.get(name) == ("one-device",) else "")
        for name in CONCLUSIONS
        if getattr(verdict.transfers, name) == answer
    ]


def tally(verdict: Verdict) -> str:
    """Return the closing count, what several devices share counted once: ``2 errors, 1 warning, 3 unknown``."""
    told = rows(verdict)
    standing = [row.finding for row in told if row.finding.waived is None]
    parts = []
    for severity in SEVERITIES:
        count = sum(finding.severity == severity for finding in standing)
        if count:
            parts.append(plural(count, severity))
    waived = len(told) - len(standing)
    if waived:
        parts.append(f"{waived} waived")
    unknown = sum(len(question.rules) for question in questions(verdict.unknowns))
    if unknown:
        parts.append(f"{unknown} unknown")
    return ", ".join(parts) or "nothing differs"


def headline(verdict: Verdict, *, limit: int = 120) -> str:
    """Return one line that carries what was found, the target and the decisive ratio, best first: it may be cut."""
    wanted = wanted_text(verdict)
    here = devices_text(verdict)
    here = here.removeprefix("1x ") if len(verdict.devices) == 1 else here
    if verdict.passed:
        same = verdict.outcome == "match" and all(device.identity == verdict.target.id for device in verdict.devices)
        tail = "" if verdict.outcome == "match" else ", passed by waiver or by the rules asked for"
        line = f"{here} {'is' if same else 'stands for'} {wanted}: {verdict.level}{tail}"
        return _fitted(one_line(line), here, limit)
    if verdict.outcome == "unknown":
        why = short_reason(next((item.detail for item in verdict.unknowns), "nothing was read"))
        line = f"{here} cannot be judged against {wanted}: {why}"
        line = line if verdict.devices else f"{wanted} wanted, {here}: {why}"
    elif verdict.outcome == "match":
        line = f"{here} is {wanted}, but: {_decisive(verdict)}"
    else:
        same = all(verdict.target.id in device.candidates for device in verdict.devices)
        word = "is not as the target" if same else "is not"
        tail = f" ({verdict.level}, needs {verdict.target.require})"
        line = f"{here} {word} {wanted}: {_decisive(verdict)}{tail}"
    return _fitted(one_line(line), here, limit)


def short_reason(text: str) -> str:
    """Return a reason without the loader's long way to say that a library is not there.

    >>> short_reason(f"libnvidia-ml.so.1{_NOT_FOUND}; no AMD GPU")
    'libnvidia-ml.so.1 not found; no AMD GPU'
    """
    return text.replace(_NOT_FOUND, " not found")


def _fitted(line: str, here: str, limit: int) -> str:
    """Return a line that starts with ``here`` within the limit: long names give way before what decides."""
    excess = len(line) - limit
    if excess > 0 and len(here) > MIN_NAME:
        line = here[: max(MIN_NAME, len(here) - excess) - 2] + ".." + line[len(here) :]
    return line if len(line) <= limit else line[: limit - 2] + ".."


def wanted_text(verdict: Verdict) -> str:
    """Return the target with its count: ``8x h100-sxm5-80gb``."""
    count = "" if verdict.target.count is None else f"{verdict.target.count}x "
    return count + verdict.target.label


def _decisive(verdict: Verdict) -> str:
    """Return the grave finding with a ratio that is farthest from agreement, else the gravest."""
    standing = [finding for finding in verdict.findings if finding.waived is None]
    errors = [finding for finding in standing if finding.severity == "error"] or standing
    measured = [finding for finding in errors if finding.ratio is not None]
    bandwidth = [finding for finding in measured if finding.rule.startswith("memory-bandwidth")]
    for finding in (*bandwidth, *measured):
        subject = finding.rule.replace("-below-target", "").replace("-above-target", "").replace("-", " ")
        return f"{subject} {finding.ratio:.2f}x"
    if errors:
        return errors[0].rule.replace("-", " ")
    return f"{verdict.unknowns[0].rule.replace('-', ' ')} is unknown" if verdict.unknowns else "not passed"


def fact_text(device: JudgedDevice, name: str) -> str:
    """Return a device's fact with its unit, ``-`` when unknown."""
    return format_fact(name, device.facts.get(name))
