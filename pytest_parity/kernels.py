"""Knows which kernels ran during a test, and whether the backend that was asked for is among them.

torch's own profiler (CUPTI on NVIDIA, roctracer on AMD) is asked; where there is none, which kernels ran is unknown,
with the reason. PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import pytest

from pytest_parity.kernel_names import backend_of, is_of, misspelt

if TYPE_CHECKING:
    from types import TracebackType

OnMismatch: TypeAlias = Literal["fail", "annotate"]
OnUnknown: TypeAlias = Literal["fail", "skip", "annotate"]
SHOWN = 8  # kernels in a message
PROPERTY = "parity_kernels"
_NO_KERNEL = ("Memcpy ", "Memset ", "CopyHostToDevice", "CopyDeviceToHost", "FillBuffer", "ProfilerStep")


class KernelsReplacedWarning(pytest.PytestWarning):
    """Another kernel ran than the one that a test asked for, or which ran is unknown."""


class Expectation(NamedTuple):
    """What must have run, what must not, and what happens otherwise."""

    wanted: tuple[str, ...]
    absent: tuple[str, ...]
    on_mismatch: OnMismatch
    on_unknown: OnUnknown


class Kernels:
    """What ran on the GPU in the last interval. Made by the fixture ``parity_kernels``.

    Use it as a context manager around the work; say with ``expect``, before it or after it, what must have run.

    Attributes:
        counts: name of a kernel -> how often it ran, in the order of first runs.
        operators: names of torch's operators, where only the host could be watched.
        unknown: why nothing is known of the kernels; empty when they are known.
    """

    def __init__(self, node: pytest.Item) -> None:
        """Belong to one test."""
        self.counts: Counter[str] = Counter()
        self.operators: Counter[str] = Counter()
        self.unknown = "nothing was recorded: use `with parity_kernels:` around the work"
        self._node = node
        self._asked: list[Expectation] = []
        self._profiler: Any = None
        self._import_torch = False
        self._open = False
        self._recorded = False

    def __call__(self, *, import_torch: bool = False) -> Kernels:
        """Return this, to be used in ``with``; ``import_torch`` asks for torch where the test has not imported it."""
        self._import_torch = import_torch
        return self

    def __enter__(self) -> Kernels:  # noqa: PYI034 - Self needs Python 3.11
        """Begin the interval; a profiler that cannot be started leaves the kernels unknown."""
        self.counts, self.operators = Counter(), Counter()
        self._open, self._recorded = True, True
        self._profiler = None
        torch = _torch(importing=self._import_torch)
        if torch is None:
            self.unknown = "torch is not imported by the test; its profiler tells which kernels run"
            return self
        try:
            activities, self.unknown = _activities(torch)
            profiler = torch.profiler.profile(activities=activities)
            profiler.__enter__()
            self._profiler = profiler
        except Exception as error:
            self.unknown = f"torch's profiler did not start: {type(error).__name__}: {error}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the interval, and judge what was expected before it; an error of the work itself goes first."""
        self._open = False
        profiler, self._profiler = self._profiler, None
        if profiler is not None:
            self._read(profiler)
        asked, self._asked = self._asked, []
        for expectation in asked if kind is None else ():
            self._judge(expectation)

    def _read(self, profiler: Any) -> None:
        torch = sys.modules["torch"]
        try:
            if torch.cuda.is_available() and torch.cuda.is_initialized():
                torch.cuda.synchronize()
            profiler.__exit__(None, None, None)
            on_device, on_host = names_of(profiler.events())
        except Exception as error:
            self.unknown = f"torch's profiler gave no answer: {type(error).__name__}: {error}"
            return
        self.operators = Counter(on_host)
        if not self.unknown:
            self.counts = Counter(on_device)
            if not on_device:
                self.unknown = "the profiler saw no kernel: none ran, or another profiler holds the GPU's counters"

    def expect(
        self,
        *wanted: str,
        absent: tuple[str, ...] | list[str] = (),
        on_mismatch: OnMismatch = "fail",
        on_unknown: OnUnknown = "fail",
    ) -> None:
        """Say what must have run: now when the interval is over, else as soon as it is.

        Args:
            *wanted: backends (``flash-attn-3``) or texts inside a kernel's name (``flash_fwd*sm90``), each of which at
                least one kernel must fit.
            absent: the same, of which none may.
            on_mismatch: ``fail`` the test, or ``annotate`` it.
            on_unknown: what to do where nobody can tell: ``fail``, ``skip`` or ``annotate``.

        Raises:
            ValueError: a word is misspelt, or nothing is asked.
        """
        wrong = [text for text in map(misspelt, (*wanted, *absent)) if text]
        if wrong or not (wanted or absent):
            raise ValueError(wrong[0] if wrong else "parity_kernels.expect: say what must run, or must not")
        for value, known in ((on_mismatch, ("fail", "annotate")), (on_unknown, ("fail", "skip", "annotate"))):
            if value not in known:
                raise ValueError(f"parity_kernels.expect: {value!r} is none of {', '.join(known)}")
        expectation = Expectation(wanted, tuple(absent), on_mismatch, on_unknown)
        if self._recorded and not self._open:
            self._judge(expectation)
        else:
            self._asked.append(expectation)

    def finish(self) -> None:
        """End the test: an expectation that nothing was recorded for is not met silently."""
        left, self._asked = self._asked, []
        for expectation in left:
            self._judge(expectation)

    def _judge(self, expectation: Expectation) -> None:
        if self.unknown:
            self._tell(f"which kernels ran is unknown: {self.unknown}", expectation.on_unknown)
            return
        missing = [word for word in expectation.wanted if not any(is_of(name, word) for name in self.counts)]
        found = [word for word in expectation.absent if any(is_of(name, word) for name in self.counts)]
        if missing or found:
            told = [f"{', '.join(missing)} did not run"] if missing else []
            told += [f"{', '.join(found)} ran"] if found else []
            self._tell(f"{' and '.join(told)}; what ran: {self.shown()}", expectation.on_mismatch)

    def _tell(self, text: str, how: str) -> None:
        self._node.user_properties.append((PROPERTY, text))
        if how == "skip":
            pytest.skip(f"parity_kernels: {text}")
        if how == "fail":
            pytest.fail(f"parity_kernels: {text}", pytrace=False)
        warnings.warn(KernelsReplacedWarning(f"parity_kernels: {text}"), stacklevel=2)

    def backends(self) -> dict[str, int]:
        """Return the backends that ran, by the words that ``expect`` takes -> how many kernels; unnamed ones aside."""
        told: Counter[str] = Counter()
        for name, count in self.counts.items():
            found = backend_of(name)
            if found is not None:
                told[found.id] += count
        return dict(told)

    def shown(self) -> str:
        """Return the kernels that ran in one line, the most frequent first, each with its backend."""
        rows = []
        for name, count in self.counts.most_common(SHOWN):
            found = backend_of(name)
            rows.append(f"{count} x {short(name)}" + (f" ({found.name})" if found else ""))
        more = len(self.counts) - SHOWN
        return "; ".join(rows) + (f"; and {more} more" if more > 0 else "")


def short(name: str) -> str:
    """Return a kernel's name without its parameters and most of its template arguments.

    >>> short("void flash::flash_fwd_kernel<Traits<128, 64>, true>(Params)")
    'flash::flash_fwd_kernel<Traits<128, 64>, true>'
    """
    text = " ".join(name.split()).removeprefix("void ")
    plain = text.partition("(")[0] or text
    return plain if len(plain) <= 90 else plain[:87] + "..."


def names_of(events: Any) -> tuple[list[str], list[str]]:
    """Return (kernels on the device, operators on the host) of a profiler's events, in order.

    Copies, fills and ranges that a user named are no kernels.
    """
    on_device: list[str] = []
    on_host: list[str] = []
    for event in events:
        kind = str(getattr(event, "device_type", "")).rpartition(".")[2]
        name = str(getattr(event, "name", ""))
        if not name or getattr(event, "is_user_annotation", False):
            continue
        if kind == "CPU":
            on_host.append(name)
        elif kind and not name.startswith(_NO_KERNEL):
            on_device.append(name)
    return on_device, on_host


def _torch(*, importing: bool) -> Any:
    """Return torch when the test has imported it already, or asks for it and it is there."""
    if importing and "torch" not in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module("torch")
    found = sys.modules.get("torch")
    return found if hasattr(found, "profiler") else None


def _activities(torch: Any) -> tuple[list[Any], str]:
    """Return what to watch, and why kernels will not be seen; empty when they will."""
    kinds = torch.profiler.ProfilerActivity
    supported = torch.profiler.supported_activities()
    if not torch.cuda.is_available():
        return [kinds.CPU], "torch sees no GPU"
    if kinds.CUDA not in supported:
        return [kinds.CPU], "torch was built without a profiler for its GPUs"
    return [kinds.CUDA], ""
