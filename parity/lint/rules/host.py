"""Judges commands that change the machine under a measurement: drivers in images, power limits, clocks, ranks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint.facts import Command, Facts, Hit
from parity.lint.script import measures, program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked
    from parity.lint.source import Span

# Its libraries alone (libnvidia-compute) are what build machines without a GPU link against.
_DRIVER = re.compile(r"(?:nvidia-driver-\d\S*|cuda-drivers\S*)")
_INSTALLERS = frozenset({"apt-get", "apt", "dnf", "yum", "microdnf", "zypper"})
_RANKS = frozenset(
    {"--tensor-parallel-size", "-tp", "--tp", "--tp-size", "--nproc_per_node", "--nproc-per-node", "--gpus-per-node"}
)
# A script that takes locks off sets the limit back to what its board has.
_RESETS = frozenset({"-rgc", "--reset-gpu-clocks", "-rac", "--reset-applications-clocks"})
_LOCKS = frozenset({"-lgc", "--lock-gpu-clocks", "-ac", "--applications-clocks", "-lmc", "--lock-memory-clocks"})


def driver_in_image(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield user-space drivers installed in an image; the host mounts its own over or beside them."""
    del asked
    for command in facts.commands if facts.kind == "dockerfile" else ():
        words = program(command.words)
        if not words or words[0] not in _INSTALLERS or "install" not in words:
            continue
        for word, span in zip(command.words, command.spans, strict=True):
            if word and _DRIVER.fullmatch(word.partition("=")[0]):
                yield Hit(
                    span=span, message=f"{word} puts a driver into the image; the machine's own driver is another"
                )
                break


def power_limit(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield commands that set a power limit under the part's default."""
    spec = asked.spec_for(facts.path)
    default = spec.number("power_default_w") if spec else None
    if spec is None or default is None or any(word in _RESETS for one in facts.commands for word in one.words):
        return
    for command in facts.commands:
        tool = "nvidia" if any("nvidia-smi" in str(word) for word in command.words[:3]) else "amd"
        for watts, span in _limits(command) if tool == spec.vendor else ():
            if watts < default:
                told = f"the script limits the board to {watts:g} W, and {spec.id} runs at {default:g} W"
                yield Hit(span=span, message=told)


def _limits(command: Command) -> Iterator[tuple[float, Span]]:
    words = [str(word) for word in command.words]
    if not words or not any(word.rsplit("/", 1)[-1] in ("nvidia-smi", "rocm-smi", "amd-smi") for word in words[:3]):
        return
    for position, word in enumerate(words):
        option, _, value = word.partition("=")
        if option in ("-pl", "--power-limit", "--setpoweroverdrive", "--power-cap"):
            at = position if value else position + 1
            text = value or (words[at] if at < len(words) else "")
            if re.fullmatch(r"\d{1,4}(?:\.\d+)?", text):
                yield float(text), command.spans[at]


def clocks_locked(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield commands that lock clocks."""
    if not asked.declared and not (asked.target and measures(facts)):
        return  # a tool that sets what its user asks for, or a figure that nobody compares with production
    for command in facts.commands:
        words = [str(word) for word in command.words]
        if "nvidia-smi" not in [word.rsplit("/", 1)[-1] for word in words[:3]]:
            continue
        for word, span in zip(words, command.spans, strict=True):
            if word.partition("=")[0] in _LOCKS:
                yield Hit(
                    span=span,
                    message="the script locks clocks: its numbers compare only with numbers at the same clocks",
                )
                return  # the other lines lock the other clocks of the same boards


def more_ranks_than_devices(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield launches that need more GPUs than the target has."""
    count = asked.target.count if asked.target else None
    if count is None:
        return
    for command in facts.commands:
        for position, word in enumerate(command.words):
            option, _, value = (word or "").partition("=")
            if option not in _RANKS:
                continue
            at = position if value else position + 1
            text = value or (command.words[at] if at < len(command.words) else None) or ""
            if text.isdigit() and int(text) > count:
                message = f"{option} {text} needs {text} GPUs, and the target has {count}"
                yield Hit(span=command.spans[at], message=message)
