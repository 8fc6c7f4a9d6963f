"""Knows the targets of a project file: one built on another, and what each entry may say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from parity.catalog import store
from parity.checks.target_condition_unmet import FIELDS
from parity.config.project import TargetEntry
from parity.config.sections import converted, part
from parity.errors import ParityError, UnknownNameError
from parity.inputs import MAX_DEPTH, MAX_PROBLEMS, Document, near_names, problem_at
from parity.model.absent import Reading
from parity.model.comparison import holds, is_comparison, numbers_of
from parity.model.device import DeviceConditions, Flag
from parity.model.rule import LEVELS
from parity.model.target import spec_fact

if TYPE_CHECKING:
    from collections.abc import Iterator


# Conditions that stand for a field of another name, or for a rule of their own.
_POWER = ("power_limit_w", "power_limit_set_w")
CONDITION_ALIASES = ("mig", "ecc", "persistence", "confidential_compute")


def targets_of(document: Document, problems: list[ParityError]) -> dict[str, TargetEntry]:
    """Return name -> target, each with the keys of what it extends filled in."""
    declared: dict[str, TargetEntry] = {}
    for name, data in part(document, "targets", dict, problems).items():
        at = f"targets.{name}"
        if not isinstance(data, dict):
            problems.append(problem_at(document, at, "a mapping is needed", mend="write at least `device:`"))
            continue
        entry = converted(document, data, TargetEntry, at, problems)
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
    yield from _check_conditions(document, at, own, whole)


def _check_conditions(document: Document, at: str, own: TargetEntry, whole: TargetEntry) -> Iterator[ParityError]:
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
        elif any(number < 0 for number in numbers_of(required)):
            yield problem_at(document, where, f"{required!r} is negative, and no reading is", mend="correct the value")
        elif condition in _POWER and (why := _beyond_the_board(whole.device, required)):
            yield problem_at(document, where, why, mend="correct the value, or the device")


def _beyond_the_board(device: str | None, required: object) -> str:
    """Return why no board of a catalog part can meet a power limit; empty where one can, or nothing is known."""
    if device is None or not _is_part(device.partition("/")[0]):
        return ""
    spec = store.device_spec(device.partition("/")[0])
    least, most = (spec_fact(spec, name) for name in ("power_min_w", "power_max_w"))
    if not isinstance(least, Reading) or not isinstance(most, Reading):
        return ""
    limits = float(least.value), float(most.value)
    known = [spec_fact(spec, "power_default_w"), least, most]
    if any(holds(float(one.value), required) for one in known if isinstance(one, Reading)):
        return ""
    if all(limits[0] <= number <= limits[1] for number in numbers_of(required)):
        return ""
    return f"no {spec.id} can be set to {required!r}: its limits are {limits[0]:g} to {limits[1]:g} W"


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


def default_target_of(document: Document, targets: dict[str, TargetEntry], problems: list[ParityError]) -> str | None:
    """Return the target that holds where none is asked for; None where the file names none."""
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
