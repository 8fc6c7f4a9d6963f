"""Knows where the ranks of one distributed job disagree about the machine they run on."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from parity.fleet.differences import place_of, short
from parity.fleet.telling import Tellings
from parity.units import format_fact, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.model.fingerprint import Fingerprint

# What a job's processes are given one by one: that they differ is how the job works.
_OWN_TO_A_RANK = frozenset(
    {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"}
)
# One board's past: no reason to stop a job that its operator has put there.
_NO_REASON_TO_STOP = frozenset({"ecc_uncorrected"})
MAX_RANKS = 8
UNTOLD, UNSET = "not told", "unset"
NO_GPU = ("visible GPUs", "0")
"""The fact, and its value, of a rank that sees no device."""


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """What one rank tells about its machine.

    Attributes:
        facts: ``GPU 0 power_limit_w`` -> ``700 W``, with all digits; what it does not tell is missing.
        problem: why it tells nothing.
    """

    rank: int
    host: str
    facts: dict[str, str] = {}
    problem: str = ""


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that some ranks have otherwise.

    Attributes:
        most: what most ranks tell.
        others: value -> ``rank 3 (host)`` of each that tells it.
    """

    fact: str
    most: str
    others: dict[str, tuple[str, ...]]

    def __str__(self) -> str:
        """Return ``machine driver: 570.86.15 on most ranks, 570.86.10 on rank 3 (node-1)``."""
        told = [f"{value} on {listed(who, MAX_RANKS)}" for value, who in self.others.items()]
        return f"{self.fact}: {self.most} on most ranks, {', '.join(told)}"


def facts_of(fingerprint: Fingerprint) -> dict[str, str]:
    """Return what a machine tells that its like tells too: hardware, firmware, software, settings."""
    tellings = Tellings()
    node = tellings.node(msgspec.json.encode(fingerprint))
    facts = {NO_GPU[0]: str(len(fingerprint.visible_devices)), "parity version": fingerprint.origin.tool_version}
    for position, number in enumerate(node.blocks):
        _, subject = place_of(position)
        block = tellings.block(number)
        for name, value in block.items():
            told = short(name)
            if name != told and any(other != name and short(other) == told for other in block):
                told = name  # a component and a package of one name
            if short(name) not in _OWN_TO_A_RANK | _NO_REASON_TO_STOP and not told.startswith("library "):
                facts[f"{subject} {told}"] = _exact(told, value)
    return facts | _libraries(fingerprint)


def _exact(name: str, value: object) -> str:
    """Return a value as people write it, with all its digits: ``79.6 GiB (85520809984)``."""
    told, exact = format_fact(name, value), str(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{told} ({exact})" if is_number and told.partition(" ")[0] != exact else told


def _libraries(fingerprint: Fingerprint) -> dict[str, str]:
    """Return the versions of the libraries on disk; which of them a rank has loaded by now is its own affair."""
    versions: dict[str, set[str]] = {}
    for one in fingerprint.stack.libraries:
        if one.version and one.found != "loaded":
            versions.setdefault(f"machine library {one.name}", set()).add(one.version)
    return {name: ", ".join(sorted(told)) for name, told in versions.items()}


def digest_of(rank: Rank, *, ignore: Iterable[str] = ()) -> str:
    """Return a digest of what counts of a rank's facts: ranks with one digest have nothing to disagree about."""
    ignored = frozenset(ignore)
    facts = {name: value for name, value in rank.facts.items() if not _is_ignored(name, ignored)}
    told = msgspec.json.encode((rank.problem, facts), order="deterministic")
    return hashlib.sha256(told).hexdigest()


def _is_ignored(fact: str, ignored: frozenset[str]) -> bool:
    return fact in ignored or fact.rpartition(" ")[2] in ignored


def disagreements(ranks: Sequence[Rank], *, ignore: Iterable[str] = ()) -> tuple[Disagreement, ...]:
    """Return the facts that not all ranks tell alike; a rank that tells nothing is one.

    What explains others comes first: ranks that tell nothing, another number of devices; then the order of their names.

    Args:
        ranks: what each rank tells.
        ignore: facts that may differ: the last word of their name (``driver``), or all of it (``GPU 0 vbios_version``).
    """
    ignored = frozenset(ignore)
    found = []
    silent = [one for one in ranks if one.problem]
    if silent:
        others = {
            one.problem: tuple(_named(other) for other in silent if other.problem == one.problem) for one in silent
        }
        found.append(Disagreement(fact="fingerprint", most="read", others=others))
    talking = [one for one in ranks if not one.problem]
    for fact in sorted({name for one in talking for name in one.facts}, key=lambda name: (name != NO_GPU[0], name)):
        if _is_ignored(fact, ignored):
            continue
        missing = UNSET if fact.rpartition(" ")[2].isupper() else UNTOLD  # variables are: all that are set are told
        values = Counter(one.facts.get(fact, missing) for one in talking)
        if len(values) == 1:
            continue
        most = values.most_common(1)[0][0]
        others = {
            value: tuple(_named(one) for one in talking if one.facts.get(fact, missing) == value)
            for value in values
            if value != most
        }
        found.append(Disagreement(fact=fact, most=most, others=others))
    return tuple(found)


def _named(one: Rank) -> str:
    return f"rank {one.rank} ({one.host})"
