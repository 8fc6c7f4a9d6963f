"""Knows whether one code object runs on one device: the vendors' rules, and the exceptions that the data name.

NVIDIA: plain SASS runs on its major version from its minor on; ``a`` on its capability alone; ``f`` in its family,
which is the major version from its minor on; plain PTX is compiled for any capability not below its own, by a driver
that knows its version; ``a`` and ``f`` PTX go by their suffix. AMD: a code object runs on the processor it names with
fitting features, generic ones on a list of processors. New architectures need no row anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from parity.model.arch import AmdArch, NvidiaArch, parse_arch

if TYPE_CHECKING:
    from parity.model.code_facts import CodeFacts, NvidiaCodeFacts
    from parity.model.code_objects import Code
    from parity.model.coverage import RunsOn

Way: TypeAlias = Literal["exact", "compatible", "jit", "none", "unknown"]


class Run(NamedTuple):
    """How a code object runs on a device, with a word on it where the name alone does not tell."""

    way: Way
    note: str = ""


NONE, EXACT, COMPATIBLE, JIT = Run("none"), Run("exact"), Run("compatible"), Run("jit")
# Kinds of entries in CUDA fatbins that are not known here, or need a compiler that is not judged here.
_OTHER_NVIDIA = ("tile-ir", "kind", "sm of", "compute of", "lto of")


def vendor_of(code: Code) -> str:
    """Return ``nvidia`` or ``amd``: whose devices a code object is for."""
    if code.kind == "other":
        return "nvidia" if code.arch.startswith(_OTHER_NVIDIA) else "amd"
    return "amd" if code.kind == "amd" else "nvidia"


def runs(code: Code, device: RunsOn, facts: CodeFacts) -> Run:
    """Return how a code object runs on a device."""
    on, made_for = parse_arch(device.arch), parse_arch(code.arch)
    if (vendor_of(code) == "nvidia") != isinstance(on, NvidiaArch):
        return NONE
    if code.kind == "other":
        return Run("unknown", f"{code.arch} is not judged")
    if isinstance(on, NvidiaArch) and isinstance(made_for, NvidiaArch):
        if code.kind == "lto":
            return NONE
        if code.kind == "ptx":
            found = _ptx(made_for, on, code.isa, device.driver_cuda, facts)
        else:
            found = _sass(made_for, on, facts.nvidia)
        return _unpacked(found, code, device.driver, facts)
    if isinstance(on, AmdArch) and isinstance(made_for, AmdArch):
        return _amd(made_for, on, code.generic_version, facts)
    return Run("unknown", f"{code.arch} is no architecture known here")


def _unpacked(found: Run, code: Code, driver: str, facts: CodeFacts) -> Run:
    """Return how code runs once the driver has taken it out of its compressed form, which old drivers may not."""
    if found.way == "none" or code.compression != "zstd" or not _numbers(driver) or not facts.zstd_driver:
        return found
    if _numbers(driver) >= _numbers(facts.zstd_driver):
        return found
    return Run("unknown", f"zstd-compressed code needs driver {facts.zstd_driver}, this one is {driver}")


def _sass(made_for: NvidiaArch, on: NvidiaArch, facts: NvidiaCodeFacts) -> Run:
    code, device = facts.present(made_for.capability), facts.present(on.capability)
    if code == device:
        return EXACT
    if made_for.suffix == "a" or code[0] != device[0] or code[1] > device[1] or facts.island(code):
        return NONE
    if made_for.suffix == "?":
        return Run("unknown", f"whether {made_for} is plain or arch-specific is not told")
    island = facts.island(device)
    if island is None:
        return COMPATIBLE
    since = island.takes_desktop_code_from_cuda
    return Run("unknown", f"{made_for} runs on {on} if built with CUDA {since} or newer") if since else NONE


def _ptx(made_for: NvidiaArch, on: NvidiaArch, isa: str, driver_cuda: str, facts: CodeFacts) -> Run:
    code, device = facts.nvidia.present(made_for.capability), facts.nvidia.present(on.capability)
    if code != device:
        same_family = code[0] == device[0] and code[1] < device[1]
        if made_for.suffix == "a" or code > device or (made_for.suffix == "f" and not same_family):
            return NONE
        if made_for.suffix == "?":
            return Run("unknown", f"whether {made_for} is plain or arch-specific is not told")
    return _compiled(isa, driver_cuda, facts)


def _compiled(isa: str, driver_cuda: str, facts: CodeFacts) -> Run:
    """Return whether the driver compiles this version of PTX; where the table has a gap, that is not known."""
    wanted, driver = _version(isa), _version(driver_cuda)
    if not wanted:
        return JIT
    first = next((row.cuda for row in facts.ptx_versions if _version(row.ptx) == wanted), "")
    if not driver and wanted > max((_version(row.ptx) for row in facts.ptx_versions), default=wanted):
        return Run("unknown", f"PTX {isa} is newer than the data: which driver compiles it is not known")
    if not driver:
        return Run("jit", f"PTX {isa} needs a driver of CUDA {first} or newer") if first else JIT
    if any(_version(row.cuda) <= driver and _version(row.ptx) >= wanted for row in facts.ptx_versions):
        return JIT
    if any(_version(row.cuda) >= driver and _version(row.ptx) < wanted for row in facts.ptx_versions):
        newer = f"CUDA {first}" if first else "a newer CUDA"
        return Run("none", f"PTX {isa} needs a driver of {newer}, this one serves {driver_cuda}")
    return Run("unknown", f"whether the driver (CUDA {driver_cuda}) compiles PTX {isa} is not known")


def _version(text: str) -> tuple[int, ...]:
    return _numbers(text)[:2]


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _amd(made_for: AmdArch, on: AmdArch, generic_version: int, facts: CodeFacts) -> Run:
    if made_for.processor == on.processor:
        fit = EXACT
    elif made_for.processor.endswith("-generic"):
        fit = _generic(made_for.processor, on.processor, generic_version, facts)
    else:
        return NONE
    for word, wanted, has, usual in (
        ("xnack", made_for.xnack, on.xnack, "-"),
        ("sramecc", made_for.sramecc, on.sramecc, "+"),
    ):
        if not wanted or wanted == has:
            continue
        if has:
            return NONE
        told = f"{made_for} runs where {word} is {'on' if wanted == '+' else 'off'}"
        fit = Run(fit.way if wanted == usual else "unknown" if fit.way != "none" else "none", told)
    return fit


def _generic(name: str, processor: str, version: int, facts: CodeFacts) -> Run:
    known = facts.amd.generic(name)
    if known is None:
        return Run("unknown", f"which processors {name} covers is not known here")
    if processor not in known.processors:
        return NONE
    if version and version < known.version:
        return Run("none", f"{name} version {version} is older than version {known.version}")
    return Run("compatible", f"{name} code has no {known.lacks}") if known.lacks else COMPATIBLE
