"""Knows how a project file is read: ``parity.yaml``, or the same keys in ``[tool.parity]`` of ``pyproject.toml``."""

from __future__ import annotations

import itertools
import re
import sys
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from parity.catalog import store
from parity.checks.target_condition_unmet import FIELDS
from parity.config.model_gates import check_gate
from parity.config.project import Project, TargetEntry
from parity.errors import InputFileError, InvalidConfigError, ParityError, UnknownNameError
from parity.inputs import (
    MAX_CONFIG_BYTES,
    MAX_DEPTH,
    MAX_PROBLEMS,
    Document,
    convert_all,
    decode_text,
    load_yaml,
    near_names,
    printable,
    problem_at,
    read_bytes,
    refuse_extremes,
)
from parity.model.comparison import is_comparison
from parity.model.device import DeviceConditions, Flag
from parity.model.finding import Waiver
from parity.model.model_gate import ModelGate
from parity.model.model_rule import ModelCard
from parity.model.policy import LintSettings, PerfTests, Policy
from parity.model.rule import LEVELS, SEVERITIES, RuleCard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from parity.model.lint import LintCard

T = TypeVar("T")

# tomllib takes quadratic time over a key of many dots.
_LONG_TOML_KEY = re.compile(rf"(?:\.[ \t]*[\w\-\"']+[ \t]*){{{MAX_DEPTH}}}")
# Conditions that stand for a field of another name, or for a rule of their own.
CONDITION_ALIASES = ("mig", "ecc", "persistence", "confidential_compute")
_LARGEST = 1e18
_KEYS = ("version", "default_target", "targets", "perf_tests", "policy", "rules", "waivers", "lint", "models")


def read_project(path: Path) -> Project:
    """Return the declarations of a project file.

    Raises:
        InputFileError: the file cannot be read or parsed.
        InvalidConfigError: keys, types or names are wrong; all of them are told.
    """
    document = _parse_toml(path) if path.suffix == ".toml" else _parse_yaml(path)
    return _validated(document, path)


def _parse_yaml(path: Path) -> Document:
    where = str(path)
    return load_yaml(decode_text(read_bytes(path, limit=MAX_CONFIG_BYTES), where=where), where=where)


def _parse_toml(path: Path) -> Document:
    where = f"{path}: [tool.parity]"
    section = table_of(path)
    section = {} if section is None else section
    refuse_extremes(section, where=where)
    return Document(section, {}, where)


def table_of(path: Path) -> Any:
    """Return what stands under ``tool.parity``, None when nothing does."""
    where = str(path)
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    text = decode_text(read_bytes(path, limit=MAX_CONFIG_BYTES), where=where)
    if _LONG_TOML_KEY.search(text):
        raise InputFileError("nested too deeply", where=where, mend="flatten the file")
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputFileError(f"not TOML: {error}", where=where, mend="correct the syntax") from error
    tool = data.get("tool", {})
    return tool.get("parity") if isinstance(tool, dict) else None


def _validated(document: Document, path: Path) -> Project:
    """Return the project, or raise with every problem of every section."""
    data = document.data
    if not isinstance(data, dict):
        raise InputFileError("not a mapping of keys", where=document.where, mend="start with `version: 1`")
    problems: list[ParityError] = []
    problems.extend(_check_top(document))
    targets = _targets(document, problems)
    rules = _rules(document, problems)
    waivers, lint_waivers = _waivers(document, problems)
    project = Project(
        where=document.where,
        folder=str(path.parent),
        default_target=_default_target(document, targets, problems),
        targets=targets,
        perf_tests=_section(document, "perf_tests", PerfTests, PerfTests(), problems),
        policy=_section(document, "policy", Policy, Policy(), problems),
        rules=rules,
        waivers=waivers,
        lint_waivers=lint_waivers,
        lint=_lint(document, problems),
        models=_models(document, problems),
    )
    if problems:
        raise InvalidConfigError(_first(problems, document))
    return project


def _first(problems: list[ParityError], document: Document) -> list[ParityError]:
    """Return the problems, all that are worth reading at once."""
    more = len(problems) - MAX_PROBLEMS
    if more <= 0:
        return problems
    return [*problems[:MAX_PROBLEMS], ParityError(f"{more} more problems", where=document.where)]


def _check_top(document: Document) -> Iterator[ParityError]:
    for key in itertools.islice((key for key in document.data if key not in _KEYS), MAX_PROBLEMS):
        mend = f"remove it, or use one of: {', '.join(_KEYS)}"
        yield problem_at(document, str(key), "unknown key", close=near_names(str(key), _KEYS), mend=mend)
    version = document.data.get("version", 1)
    if version != 1 or isinstance(version, bool):
        told = printable(repr(version))
        yield problem_at(document, "version", f"{told} is not a version this tool reads", mend="write `version: 1`")


def _part(document: Document, key: str, kind: type, problems: list[ParityError]) -> Any:
    """Return a section that must be of a plain type, an empty one when it is missing or wrong."""
    value = document.data.get(key)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        word = {"dict": "a mapping", "list": "a list"}[kind.__name__]
        problems.append(problem_at(document, key, f"{word} is needed, not {type(value).__name__}", mend="correct it"))
        return kind()
    return value


def _section(document: Document, key: str, kind: type[T], default: T, problems: list[ParityError]) -> T:
    data = _part(document, key, dict, problems)
    return _converted(document, data, kind, key, problems) or default


def _converted(document: Document, data: Any, kind: type[T], at: str, problems: list[ParityError]) -> T | None:
    try:
        return convert_all(data, kind, document=document, at=at)
    except InvalidConfigError as error:
        problems.extend(error.problems)
        return None


def _targets(document: Document, problems: list[ParityError]) -> dict[str, TargetEntry]:
    declared: dict[str, TargetEntry] = {}
    for name, data in _part(document, "targets", dict, problems).items():
        at = f"targets.{name}"
        if not isinstance(data, dict):
            problems.append(problem_at(document, at, "a mapping is needed", mend="write at least `device:`"))
            continue
        entry = _converted(document, data, TargetEntry, at, problems)
        if entry is not None:
            declared[str(name)] = entry
    resolved = {}
    for name, entry in declared.items():
        if len(problems) > MAX_PROBLEMS:
            break  # near names take long in a file made of mistakes
        whole = _extended(document, name, declared, problems)
        problems.extend(_check_entry(document, name, entry, whole))
        resolved[name] = whole
    return resolved


def _extended(
    document: Document, name: str, declared: dict[str, TargetEntry], problems: list[ParityError]
) -> TargetEntry:
    """Return a target with its bases' keys filled in, the nearest winning."""
    entry, seen = declared[name], [name]
    while entry.extends is not None:
        base = entry.extends
        at = f"targets.{name}.extends"
        if base in seen:
            problems.append(problem_at(document, at, f"goes in a circle: {' -> '.join([*seen, base])}", mend="cut it"))
            break
        if len(seen) > MAX_DEPTH:
            problems.append(problem_at(document, at, f"more than {MAX_DEPTH} targets in a row", mend="shorten it"))
            break
        if base not in declared:
            close = near_names(base, list(declared))
            problems.append(problem_at(document, at, f"no target named {base!r}", close=close, mend="correct the name"))
            break
        seen.append(base)
        entry = _over(entry, declared[base])
    return msgspec.structs.replace(entry, extends=None)


def _over(entry: TargetEntry, base: TargetEntry) -> TargetEntry:
    return TargetEntry(
        device=entry.device or base.device,
        count=entry.count if entry.count is not None else base.count,
        require=entry.require or base.require,
        partition=entry.partition or base.partition,
        stack={**base.stack, **entry.stack},
        conditions={**base.conditions, **entry.conditions},
        extends=base.extends,
    )


def _check_entry(document: Document, name: str, own: TargetEntry, whole: TargetEntry) -> Iterator[ParityError]:
    at = f"targets.{name}"
    if whole.device is None and own.extends is None:
        yield problem_at(document, at, "no device", mend="add `device:` with a name from `parity targets`")
    if own.device is not None and not _looks_like_a_file(own.device):
        try:
            store.resolve_name(own.device)
        except UnknownNameError as error:
            yield problem_at(document, f"{at}.device", error.what, close=error.close, mend=error.mend)
    yield from _check_partition(document, at, own, whole)
    if own.count is not None and own.count < 1:
        yield problem_at(document, f"{at}.count", f"{own.count} is no number of devices", mend="write 1 or more")
    if own.require == "unknown":
        mend = f"use one of: {', '.join(LEVELS)}"
        yield problem_at(document, f"{at}.require", "unknown is no requirement", mend=mend)
    for component, specifier in own.stack.items():
        if not _is_specifier(specifier):
            mend = 'write a version specifier in quotes, such as ">=2.9" or "==2.9.*"'
            yield problem_at(document, f"{at}.stack.{component}", f"{specifier!r} is no version specifier", mend=mend)
    known = (*CONDITION_ALIASES, *DeviceConditions.__struct_fields__)
    for condition, required in own.conditions.items():
        where = f"{at}.conditions.{condition}"
        if condition not in known:
            close = near_names(condition, known)
            yield problem_at(document, where, "no condition has this name", close=close, mend="correct the name")
        elif _is_flag(condition) and not isinstance(required, bool):
            yield problem_at(document, where, f"true or false is needed, not {required!r}", mend="write true or false")
        elif isinstance(required, str) and required[:1] in "<>=!" and not is_comparison(required):
            mend = 'write an operator and a number, such as ">=700"'
            yield problem_at(document, where, f"{required!r} is no comparison", mend=mend)


def _check_partition(document: Document, at: str, own: TargetEntry, whole: TargetEntry) -> Iterator[ParityError]:
    from parity.config.targets import partition_of

    device = whole.device or ""
    part, _, profile = device.partition("/")
    if own.device is not None and profile and _is_part(part):
        mend = f"write `device: {part}` and `partition: {profile}`"
        yield problem_at(document, f"{at}.device", f"{device!r} is a slice", mend=mend)
    elif whole.partition is not None and (own.partition or own.device) and _is_part(device):
        try:
            partition_of(store.device_spec(device), whole.partition, "")
        except UnknownNameError as error:
            yield problem_at(document, f"{at}.partition", error.what, close=error.close, mend=error.mend)


def _is_part(device: str) -> bool:
    try:
        store.resolve_name(device)
    except UnknownNameError:
        return False
    return True


def _is_flag(condition: str) -> bool:
    field = FIELDS.get(condition, condition)
    return DeviceConditions.__annotations__.get(field) == Flag


def _looks_like_a_file(device: str) -> bool:
    return "/" in device or device.endswith((".json", ".yaml", ".yml", ".txt", ".xml"))


def _is_specifier(text: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return len(SpecifierSet(text)) > 0
    except InvalidSpecifier:
        return False


def _lint(document: Document, problems: list[ParityError]) -> LintSettings:
    """Return the linter's settings; every name in them must be a rule's."""
    settings = _section(document, "lint", LintSettings, LintSettings(), problems)
    named = [("select", settings.select), ("ignore", settings.ignore)]
    named += [(f"per-file-ignores.{glob}", rules) for glob, rules in settings.per_file_ignores.items()]
    if any(rules for _, rules in named):
        known = [card.id for card in store.lint_book().cards]
        for key, rules in named:
            for rule in itertools.islice((rule for rule in rules if rule not in known), MAX_PROBLEMS):
                close = near_names(rule, known)
                mend = "list all with `parity rule`"
                problems.append(
                    problem_at(document, f"lint.{key}", f"no lint rule named {rule!r}", close=close, mend=mend)
                )
    return settings


def _default_target(document: Document, targets: dict[str, TargetEntry], problems: list[ParityError]) -> str | None:
    name = document.data.get("default_target")
    if name is None:
        return None
    if not isinstance(name, str):
        problems.append(problem_at(document, "default_target", "text is needed", mend="write a target's name"))
        return None
    # A count or a slice around the name (8xh100) is judged when the target is resolved.
    bare = re.sub(r"^\s*\d+\s*x\s*|/.*$", "", name)
    if name not in targets and bare not in targets:
        try:
            store.resolve_name(bare)
        except UnknownNameError as error:
            close = near_names(name, list(targets)) or error.close
            mend = "name a target of this file or a part from `parity targets`"
            problems.append(problem_at(document, "default_target", f"no target named {name!r}", close=close, mend=mend))
    return name


def _rules(document: Document, problems: list[ParityError]) -> dict[str, dict[str, float | int | str | bool]]:
    from parity.verdict.run_rules import known_settings

    settings: dict[str, dict[str, float | int | str | bool]] = {}
    for name, data in _part(document, "rules", dict, problems).items():
        at = f"rules.{name}"
        card = _rule(document, str(name), at, problems)
        if card is None:
            continue
        if data == "off" or data is False:
            settings[card.id] = {"severity": "off"}
            continue
        if not isinstance(data, dict):
            problems.append(problem_at(document, at, "settings or `off` are needed", mend="write a mapping"))
            continue
        allowed = known_settings(card) if isinstance(card, RuleCard) else ("severity", *card.settings)
        for key, value in data.items():
            problems.extend(_check_setting(document, f"{at}.{key}", str(key), value, allowed))
        settings[card.id] = data
    return settings


def _check_setting(
    document: Document, at: str, key: str, value: object, allowed: tuple[str, ...]
) -> Iterator[ParityError]:
    if key not in allowed:
        mend = f"use one of: {', '.join(allowed)}"
        yield problem_at(document, at, "the rule has no such setting", close=near_names(key, allowed), mend=mend)
    elif key == "severity":
        if value is False:
            yield problem_at(document, at, "YAML reads off as false", mend='write "off" in quotes')
        elif value not in (*SEVERITIES, "off"):
            yield problem_at(document, at, f"{value!r} is no severity", mend="use error, warning, note or off")
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not -_LARGEST < value < _LARGEST:
        # No comparison with a NaN is ever false enough to be a finding: it would switch the rule off unseen.
        told = printable(repr(value))
        yield problem_at(document, at, f"a number is needed, not {told}", mend='correct the value, or write "off"')


def _models(document: Document, problems: list[ParityError]) -> tuple[ModelGate, ...]:
    gates = []
    for position, data in enumerate(_part(document, "models", list, problems)):
        at = f"models[{position}]"
        gate = _converted(document, data, ModelGate, at, problems)
        if gate is None:
            continue
        problems.extend(check_gate(document, at, gate))
        gates.append(gate)
    return tuple(gates)


def _rule(
    document: Document, name: str, at: str, problems: list[ParityError]
) -> RuleCard | ModelCard | LintCard | None:
    about_models = store.model_cards()
    if name in about_models:
        return about_models[name]
    try:
        return store.card(name)
    except UnknownNameError as error:
        lint = {card.id: card for card in store.lint_book().cards}
        if name not in lint:
            close = near_names(name, [*(card.id for card in store.cards()), *about_models, *lint])
            problems.append(problem_at(document, at, error.what, close=close, mend=error.mend))
        return lint.get(name)


def _waivers(document: Document, problems: list[ParityError]) -> tuple[tuple[Waiver, ...], tuple[Waiver, ...]]:
    """Return the waivers of rules for machines and models, and those of lint rules."""
    waivers: list[Waiver] = []
    lint_waivers: list[Waiver] = []
    for position, data in enumerate(_part(document, "waivers", list, problems)):
        at = f"waivers[{position}]"
        waiver = _converted(document, data, Waiver, at, problems)
        if waiver is None:
            continue
        problems.extend(
            problem_at(document, f"{at}.{key}", "empty", mend=f"say the {key}")
            for key in ("reason", "owner")
            if not getattr(waiver, key).strip()
        )
        card = _rule(document, waiver.rule, f"{at}.rule", problems)
        if card is not None:
            (waivers if isinstance(card, (RuleCard, ModelCard)) else lint_waivers).append(waiver)
    return tuple(waivers), tuple(lint_waivers)


class ProjectFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The keys of a project file, for its JSON Schema; reading is done part by part, to tell every problem at once."""

    version: Literal[1] = 1
    default_target: str = ""
    targets: dict[str, TargetEntry] = {}
    perf_tests: PerfTests = PerfTests()
    policy: Policy = Policy()
    rules: dict[str, Literal["off"] | dict[str, float | int | str]] = {}
    waivers: tuple[Waiver, ...] = ()
    lint: LintSettings = LintSettings()
    models: tuple[ModelGate, ...] = ()
