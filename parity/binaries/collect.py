"""Knows how code objects are gathered: regions with the same content are counted, not listed one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.arch import sort_key
from parity.model.code_objects import Code, Library, Problem, RegionGroup, Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.model.code_objects import Place, Weight

MAX_PROBLEMS = 20  # per file: a hostile file has thousands, and one decides
MAX_STEPS = 1_000_000  # per file: headers looked at; the largest library seen has some 50 thousand
MAX_GROUPS = 20_000  # per file: kinds of regions; the largest library seen has some hundred


class TooMuchError(Exception):
    """A file has more headers than any library could have."""


class Collector:
    """Gathers what is found in one library.

    A large library has tens of thousands of fatbins of a few dozen different contents, so regions are kept as counts.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._tallies: dict[tuple[Place, Code], list[int]] = {}
        self._regions: dict[tuple[str, Place, str, frozenset[Code]], list[int]] = {}
        self._problems: dict[str, Problem] = {}
        self._steps = 0
        self.linkable = False

    def step(self, count: int = 1) -> None:
        """Count headers looked at, so that a hostile file ends.

        Raises:
            TooMuchError: that was one too many.
        """
        self._steps += count
        if self._steps > MAX_STEPS:
            raise TooMuchError

    def region(
        self,
        section: str,
        place: Place,
        container: str,
        found: Iterable[tuple[Code, int]],
        *,
        at: int,
        count: int = 1,
    ) -> None:
        """Add a region: its code objects with their stored bytes, found at byte offset ``at``.

        ``count``: there are so many alike; their bytes are given summed.

        Raises:
            TooMuchError: there are more kinds of regions than any library has.
        """
        codes = []
        for code, size in found:
            codes.append(code)
            tally = self._tallies.setdefault((place, code), [0, 0])
            tally[0] += count
            tally[1] += size
        group = self._regions.setdefault((section, place, container, frozenset(codes)), [0, at])
        group[0] += count
        group[1] = min(group[1], at)
        if len(self._regions) > MAX_GROUPS:
            raise TooMuchError

    def problem(self, text: str, *, weight: Weight = "damaged") -> None:
        """Add a problem, once."""
        if text in self._problems or len(self._problems) < MAX_PROBLEMS:
            self._problems[text] = Problem(text=text, weight=weight)
        elif weight != "note":  # what decides is never dropped
            self._problems[weight] = Problem(text=f"more problems ({weight})", weight=weight)

    def take(self, part: Library, *, section: str) -> None:
        """Add everything another library holds as regions of ``section``; its problems are told with its file name."""
        self.linkable = self.linkable or part.linkable
        for tally in part.tallies:
            held = self._tallies.setdefault((tally.place, tally.code), [0, 0])
            held[0] += tally.count
            held[1] += tally.size_bytes
        for group in part.regions:
            key = (section, group.place, group.container, frozenset(group.codes))
            self._regions.setdefault(key, [0, group.first])[0] += group.count
        for problem in part.problems:
            self.problem(f"{part.path.rpartition('/')[2]}: {problem.text}", weight=problem.weight)

    @property
    def told(self) -> int:
        """Return how many regions and problems there are so far."""
        return sum(count for count, _ in self._regions.values()) + len(self._problems)

    @property
    def empty(self) -> bool:
        """Return whether there is nothing to tell."""
        return not self._regions and not self._problems

    def library(self, path: str, size_bytes: int, *, files: int = 1) -> Library:
        """Return what was found as plain data, in an order that does not depend on the file's."""
        tallies = [
            Tally(code=code, place=place, count=count, size_bytes=size)
            for (place, code), (count, size) in self._tallies.items()
        ]
        regions = [
            RegionGroup(
                section=section, place=place, container=container, codes=ordered(codes), count=count, first=first
            )
            for (section, place, container, codes), (count, first) in self._regions.items()
        ]
        return Library(
            path=path,
            size_bytes=size_bytes,
            linkable=self.linkable,
            files=files,
            tallies=tuple(sorted(tallies, key=lambda tally: (tally.place, _order(tally.code)))),
            regions=tuple(sorted(regions, key=_region_order)),
            problems=tuple(self._problems.values()),
        )


def ordered(codes: Iterable[Code]) -> tuple[Code, ...]:
    """Return code objects in the order they are told."""
    return tuple(sorted(codes, key=_order))


def _order(code: Code) -> tuple[object, ...]:
    return (code.kind, sort_key(code.arch), code.isa, code.compression, code.stub, code.generic_version)


def _region_order(group: RegionGroup) -> tuple[object, ...]:
    return (group.place, group.section, group.container, [_order(code) for code in group.codes])


def joined(parts: Sequence[Library], folder: str) -> Library:
    """Return loose files below one folder as one library; the sections of its regions are the folders they lie in."""
    whole = Collector()
    for part in parts:
        place = part.path[len(folder) + 1 :].rpartition("/")[0]
        whole.take(part, section=place or ".")
    size, files = sum(part.size_bytes for part in parts), sum(part.files for part in parts)
    return whole.library(f"{folder}/", size, files=files)
