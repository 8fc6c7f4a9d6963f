"""Knows what a project decides: modes, what fails a run, rule settings and waivers."""

from typing import Literal, get_args

import msgspec

from parity.model.finding import Waiver
from parity.model.rule import Severity

Mode = Literal["fail", "skip", "xfail", "annotate", "off"]
MODES: tuple[Mode, ...] = get_args(Mode)
Conditions = Literal["fail", "annotate", "off"]
UnknownPolicy = Literal["fail", "strict", "report"]


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How findings become an exit status.

    Attributes:
        mode: what the pytest plugin does with perf tests on a mismatch.
        fail_on: the least severity that fails a run.
        unknown: ``fails`` unknowns fail the run (``fail``), every unknown does (``strict``), or none (``report``).
            Zero subjects and an undecided level never pass, whatever this says.
        conditions: what throttling, foreign processes and the like during a perf test do to it.
        require_measured: a test run that measured no perf test on the target fails.
    """

    mode: Mode = "fail"
    fail_on: Severity = "error"
    unknown: UnknownPolicy = "fail"
    conditions: Conditions = "annotate"
    require_measured: bool = False


class PerfTests(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which tests are perf tests, beyond the defaults of the plugin.

    Attributes:
        markers, fixtures: names.
        paths: globs relative to the root folder.
    """

    markers: tuple[str, ...] = ()
    fixtures: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class LintSettings(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename="kebab"
):
    """What a project asks of the linter.

    Attributes:
        select: rules to run; empty: all that are stable.
        preview: rules in preview run too.
        ignore: rules not to run.
        per_file_ignores: glob -> rules not to run on the files it covers.
        exclude: globs of files and folders not to look at.
    """

    select: tuple[str, ...] = ()
    preview: bool = False
    ignore: tuple[str, ...] = ()
    per_file_ignores: dict[str, tuple[str, ...]] = {}
    exclude: tuple[str, ...] = ()


class Rulebook(msgspec.Struct, frozen=True, kw_only=True):
    """Everything besides the target that a judgement depends on.

    Attributes:
        policy: the project's policy.
        settings: rule id -> setting -> value, overriding the cards'.
        waivers: the project's waivers.
        only: rule ids to run; empty: all.
    """

    policy: Policy = Policy()
    settings: dict[str, dict[str, float | int | str | bool]] = {}
    waivers: tuple[Waiver, ...] = ()
    only: tuple[str, ...] = ()
