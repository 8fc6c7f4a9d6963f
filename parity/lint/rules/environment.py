"""Judges environment variables by the cards of variables that change a number (``rules/environment``)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from parity.checks.faked_architecture import says_what_is
from parity.lint import parts
from parity.lint.facts import Facts, Hit, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked
    from parity.model.environment import EnvironmentCard

_PERF_PATH = re.compile(
    r"(?:^|[/_\-.])(?:bench(?:mark(?:s|ing)?)?|perf|throughput|latency)(?:$|[/_\-.])", re.IGNORECASE
)
_LASTING = frozenset({"image", "compose", "kubernetes"})


# Not the GPU's architecture but the program: they belong with what changes the code that runs.
_NO_GPU_CODE = frozenset({"TRITON_INTERPRET", "NUMBA_ENABLE_CUDASIM"})
# A list of what is built, not of what the GPU is taken for: the architecture list's rules judge it.
_BUILD_LISTS = frozenset({"GPU_ARCHS"})
# They cost time before the first run, which every benchmark leaves out, or are what frameworks themselves ask for.
_HARMLESS = frozenset(
    {"TRITON_ALWAYS_COMPILE", "TORCHINDUCTOR_FORCE_DISABLE_CACHES", "CUDA_CACHE_DISABLE", "CUDA_DEVICE_MAX_CONNECTIONS"}
)
# They name the machine's own network, or tune it: part of the system that is measured, and no path is closed.
_OF_THE_FABRIC = frozenset(
    {"NCCL_BUFFSIZE", "NCCL_TUNER_PLUGIN", "NCCL_NET_PLUGIN", "NCCL_TOPO_FILE", "NCCL_IB_HCA", "NCCL_SOCKET_IFNAME"}
)
# A deployment that sets these says how production runs; only images and measurements say something else.
_DECLARED = frozenset({"communication", "memory", "compiles"})
KINDS = {
    "serialises": "serialises",
    "fakes_architecture": "fake-arch",
    "profiles": "profiler",
    "compiles": "compiles",
    "communicates": "communication",
    "remembers": "memory",
    "takes_part": "selects-device",
    "dead": "dead",
}


def cards_of(function: str, cards: tuple[EnvironmentCard, ...]) -> list[EnvironmentCard]:
    """Return the variables that one of this module's rules speaks of; notes are left out, they are too many."""
    return [
        card
        for card in cards
        if (card.severity != "note" or card.kind == "dead")
        and card.name not in _BUILD_LISTS | _HARMLESS | _OF_THE_FABRIC
        and ("compiles" if card.name in _NO_GPU_CODE else card.kind) == KINDS[function]
    ]


def serialises(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that make launches wait."""
    return _found("serialises", facts, asked)


def fakes_architecture(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that make a GPU pass for another."""
    return _found("fakes_architecture", facts, asked)


def profiles(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that load a profiler or debugger."""
    return _found("profiles", facts, asked)


def compiles(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that have other code run than production's."""
    return _found("compiles", facts, asked)


def communicates(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that close a path between GPUs."""
    return _found("communicates", facts, asked)


def remembers(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that change how memory is allocated."""
    return _found("remembers", facts, asked)


def takes_part(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that leave a process a part of a GPU."""
    return _found("takes_part", facts, asked)


def dead(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that nothing reads any more."""
    return _found("dead", facts, asked)


def _found(function: str, facts: Facts, asked: Asked) -> Iterator[Hit]:
    cards = cards_of(function, asked.environment)
    spec = asked.target.spec if asked.target else None
    for setting in facts.settings:
        if setting.value is None or setting.default or not _measured(setting, facts):
            continue  # what holds only where nothing else is given is the user's to choose
        if function == "profiles" and setting.how not in _LASTING:
            continue  # a script that loads a profiler is there to profile
        if setting.how == "python" and _for_other_vendor(setting, facts, {spec.vendor} if spec else {"nvidia", "amd"}):
            continue
        for card in cards:
            if spec is not None and card.vendor not in ("any", spec.vendor):
                continue
            if card.kind in _DECLARED and setting.how in ("compose", "kubernetes"):
                continue
            if card.kind == "dead" and not _reads_it_no_more(facts, card.dead_since.get("vllm")):
                continue
            if card.kind == "fake-arch" and says_what_is(setting.name, setting.value, spec):
                continue
            if card.triggered_by(setting.name, setting.value):
                told = f"{setting.name}={setting.value}" if len(setting.value) < 60 else setting.name
                yield Hit(span=setting.whole, message=f"{told}: {card.effect}", mend=card.mend)
                break


def _for_other_vendor(setting: Setting, facts: Facts, vendors: set[str]) -> bool:
    """Return whether a function's name or a condition around a setting says that it is for other vendors' GPUs."""
    line = setting.whole.line
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
        *facts.nodes(ast.FunctionDef),
        *facts.nodes(ast.AsyncFunctionDef),
    ]
    told = [one.name for one in functions if one.lineno <= line <= (one.end_lineno or 0)]
    told += [
        ast.unparse(branch.test)
        for branch in facts.nodes(ast.If)
        if branch.body[0].lineno <= line <= (branch.body[-1].end_lineno or 0)
    ]
    return any(spoken and spoken.isdisjoint(vendors) for spoken in (parts.speaks_for_vendors(text) for text in told))


def _reads_it_no_more(facts: Facts, dead_since: str | None) -> bool:
    """Return whether an image of the file is a vLLM release that no longer reads the variable."""
    if dead_since is None:
        return False
    first = tuple(int(part) for part in dead_since.split(".")[:2])
    tags = [re.search(r"vllm-openai(?:-rocm)?:v(\d+)\.(\d+)", image.reference or "") for image in facts.images]
    return any(tag and (int(tag[1]), int(tag[2])) >= first for tag in tags)


def _measured(setting: Setting, facts: Facts) -> bool:
    """Return whether what it acts on is measured: images and deployments last, a script must be about perf."""
    if setting.how in _LASTING:
        return True
    return setting.perf or _PERF_PATH.search(facts.path) is not None
