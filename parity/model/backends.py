"""Knows which backends installed packages choose on devices, as plain data."""

from typing import Literal, TypeAlias

import msgspec

# sometimes: under some conditions that the source leaves open, and not under others
Differs: TypeAlias = Literal["yes", "sometimes", "no", "unknown"]


class BackendOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One choice.

    Attributes:
        when: conditions that the source leaves open and under which it is this one; empty: always.
    """

    choice: str
    when: tuple[str, ...] = ()


class BackendAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a package chooses on one architecture.

    Attributes:
        outcomes: at least one, or
        unknown: why there is none.
    """

    arch: str
    outcomes: tuple[BackendOutcome, ...] = ()
    unknown: str = ""


class BackendRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One topic of one package.

    Attributes:
        topic: what is chosen.
        asked: the question in words, with what is taken for granted.
        source: the file and function of the installed package that answer it.
        target, here: None when not asked for.
        differs: whether the choice is another one there than here.
    """

    package: str
    version: str
    topic: str
    asked: str
    source: str
    target: BackendAnswer | None = None
    here: BackendAnswer | None = None
    differs: Differs = "unknown"


class BackendsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What installed packages choose on the target and here, evaluated from their own source.

    Attributes:
        target, here: architectures; None when not asked for.
        cuda: the CUDA of the installed torch, as it says itself; empty when it does not.
    """

    schema: Literal["parity.backends/1"] = "parity.backends/1"
    target: str | None
    here: str | None
    cuda: str = ""
    rows: tuple[BackendRow, ...] = ()
    exit_status: int = 0
