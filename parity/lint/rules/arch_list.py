"""Judges architecture lists: does what is built contain code for the target, and can the toolkit build it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.version import Version

from parity.lint import archs
from parity.lint.facts import ArchList, Facts, Hit
from parity.lint.images import cuda_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked
    from parity.model.spec import DeviceSpec

_ANY = frozenset({"all", "all-major", "native", "common"})
_BUILDS = re.compile(r"(?:^|[/_])(?:setup|build|compile|make|install)[^/]*\.py$", re.IGNORECASE)
# A Dockerfile of many stages that compiles in each and keeps nothing tries the project with many compilers.
_COMPILES = re.compile(r"\b(?:make|cmake|ninja)\b")
_KEEPS = re.compile(
    r"(?:pip3?|make|ninja) install|--install|--target[ =]install|wheel|COPY --from|^\s*(?:ENTRYPOINT|CMD)\b",
    re.IGNORECASE | re.MULTILINE,
)
# Code of the project's own, of a repository, or of a source distribution is compiled.
_BUILDS_CODE = re.compile(
    r"\b(?:cmake|ninja|make)\b|setup\.py|-m build"
    r"|\bpip3? (?:install|wheel)[^\n]*(?: \.| git\+|--no-binary|--no-build-isolation)"
)
_BRANCH = re.compile(r"^\s*(?:if|elif|elseif|else|case|endif|fi)\b", re.IGNORECASE)
_OF_VERSIONS = re.compile(r"\s*(?:el)?if \[\[?.*\$\{?(?:CUDA|TORCH|CU)_?VERSION", re.IGNORECASE)
_OTHER_HOST = re.compile(r"\b(?:if|elif|elseif|case)\b.*(?:aarch64|arm64|sbsa|tegra)", re.IGNORECASE)
_ARM_HOSTS = re.compile(r"gh200|gb\d{2,3}|orin|thor|xavier")


def lacks_target(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield lists from which the target can run nothing."""
    spec = asked.spec_for(facts.path)
    for one, parsed in _settled(facts, spec):
        if spec and archs.reach(parsed.codes, spec) == "none":
            yield Hit(
                span=one.span,
                message=f"{one.name} has no code for {spec.arch} ({spec.id}): {_shown(parsed)}",
                mend=f"add {_spelled(one, spec)}",
            )


def ptx_only(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield lists from which the target runs only what the driver compiles from PTX."""
    spec = asked.spec_for(facts.path)
    for one, parsed in _settled(facts, spec):
        on_purpose = all(code.kind == "ptx" for code in parsed.codes)  # PTX alone: every GPU is meant to compile it
        if spec and not on_purpose and archs.reach(parsed.codes, spec) == "jit":
            yield Hit(
                span=one.span,
                message=f"{spec.arch} ({spec.id}) runs only PTX of {one.name} (driver-compiled): {_shown(parsed)}",
                mend=f"add {_spelled(one, spec)}",
            )


def older_minor(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield lists whose best code for the target is an older minor's."""
    spec = asked.spec_for(facts.path)
    for one, parsed in _settled(facts, spec):
        if spec and archs.reach(parsed.codes, spec) == "older":
            yield Hit(
                span=one.span,
                message=f"{spec.arch} ({spec.id}) runs code of an older minor of {one.name}: {_shown(parsed)}",
                mend=f"add {_spelled(one, spec)}",
            )


def _settled(facts: Facts, spec: DeviceSpec | None) -> list[tuple[ArchList, archs.Parsed]]:
    """Return the lists of the target's vendor that stand on their own, in files where no list reaches the target.

    A file with several lists of one tool chooses between them (one per branch or build argument): if any of them
    serves the target, the others are for other GPUs.
    """
    if spec is None:
        return []
    mine = [one for one in facts.arch_lists if (one.tool == "amd") == (spec.vendor == "amd")]
    mine = [one for one in mine if one.how != "kubernetes"]  # what a pod builds, it builds for its own GPU
    if facts.kind == "python" and any(one.tool == "nvcc" for one in mine):
        mine = [one for one in mine if one.tool != "torch"]  # torch ignores its list where flags name architectures
    if _of_no_product(facts):
        return []
    found = []
    best: dict[str, int] = {}
    rank = {"none": 0, "jit": 1, "older": 2, "native": 3}
    for one in mine:
        if _for_other_host(one, facts, spec) or _for_deep_ep(one, facts, spec):
            continue
        if one.text is None or one.adds:
            best[one.tool] = 3  # something not settled may add the target
            continue
        parsed = archs.parse(one.tool, one.text)
        if not _ANY.isdisjoint(parsed.special) or parsed.bad or parsed.open:
            best[one.tool] = 3
        elif parsed.codes and not _for_one_family(one, parsed) and not _for_newer(parsed, spec):
            found.append((one, parsed))
            best[one.tool] = max(best.get(one.tool, 0), rank[archs.reach(parsed.codes, spec)])
    chosen: dict[str, tuple[ArchList, archs.Parsed]] = {}
    for one, parsed in found:  # several lists that all fall short are one matter: the longest is told
        held = chosen.get(one.tool)
        if rank[archs.reach(parsed.codes, spec)] == best[one.tool] and (
            held is None or len(parsed.codes) > len(held[1].codes)
        ):
            chosen[one.tool] = (one, parsed)
    in_a_row = [pair for pair in found if pair not in chosen.values() and _is_built_with(pair[0], found, facts)]
    return [*chosen.values(), *in_a_row]


def _is_built_with(one: ArchList, found: list[tuple[ArchList, archs.Parsed]], facts: Facts) -> bool:
    """Return whether an image sets a list, builds with it, and sets another before or after it in the same stage.

    Such lists follow each other and are no choice: what is built between lacks what its own list lacks.
    """
    if facts.kind != "dockerfile":
        return False
    row = [other for other, _ in found if (other.name, other.scope) == (one.name, one.scope) and _is_env(other, facts)]
    if one not in row or len({other.text for other in row}) < 2:
        return False
    below = facts.source.lines[one.span.end_line :]
    ends = (other.span.line - one.span.end_line - 1 for other in row if other.span.line > one.span.end_line)
    stage = (at for at, line in enumerate(below) if line.lstrip().upper().startswith("FROM "))
    between = "\n".join(below[: min([*ends, *stage], default=len(below))])
    return f"{one.name}=" not in between and _BUILDS_CODE.search(between) is not None


def _is_env(one: ArchList, facts: Facts) -> bool:
    line = facts.source.lines[one.span.line - 1].lstrip().upper()
    return one.how == "image" and line.startswith("ENV ") and not one.conditional


def _of_no_product(facts: Facts) -> bool:
    """Return whether nothing that a file builds leaves it."""
    if facts.kind == "python" and not _BUILDS.search(facts.path):
        return True  # a program that sets the list for what it compiles while it runs
    return facts.kind == "dockerfile" and _only_compiles(facts)


def _only_compiles(facts: Facts) -> bool:
    """Return whether an image's stages compile the project with one compiler each, and keep nothing."""
    text = facts.source.text
    stages = sum(line.lstrip().upper().startswith("FROM ") for line in facts.source.lines)
    return stages >= 4 and _COMPILES.search(text) is not None and _KEEPS.search(text) is None


def _for_other_host(one: ArchList, facts: Facts, spec: DeviceSpec) -> bool:
    """Return whether a branch for one CUDA version, or for ARM machines that the target is none of, sets the list."""
    above = facts.source.lines[max(one.span.line - 4, 0) : one.span.line - 1]
    if any(_OF_VERSIONS.match(line) for line in above):
        return True  # a case for each CUDA version: which of them builds for the target is told elsewhere
    if _ARM_HOSTS.search(spec.id):
        return False
    branch = next((line for line in reversed(above) if _BRANCH.search(line)), "")
    return _OTHER_HOST.search(branch) is not None


def _for_one_family(one: ArchList, parsed: archs.Parsed) -> bool:
    """Return whether what is compiled holds kernels of architectures with `a` or `f`, which no other can compile.

    That is so of one CMake target, and of one compiler's flags; a variable for all of a project says less.
    """
    return (one.name == "CUDA_ARCHITECTURES" or one.tool == "nvcc") and all(code.suffix for code in parsed.codes)


def _for_newer(parsed: archs.Parsed, spec: DeviceSpec) -> bool:
    """Return whether all entries have `a` or `f` and are newer than the target, which lacks what they are for."""
    device = archs.capability_of(spec)
    return all(code.suffix and code.capability > device for code in parsed.codes) and device != (0, 0)


def _for_deep_ep(one: ArchList, facts: Facts, spec: DeviceSpec) -> bool:
    """Return whether a list builds NVSHMEM with the transport that DeepEP needs, which nothing before Hopper runs."""
    above = facts.source.lines[max(one.span.line - 15, 0) : one.span.line]
    return archs.capability_of(spec) < (9, 0) and any("NVSHMEM_IBGDA_SUPPORT" in line for line in above)


def _shown(parsed: archs.Parsed) -> str:
    return ", ".join(dict.fromkeys(str(code) for code in parsed.codes[:12]))


def _spelled(one: ArchList, spec: DeviceSpec) -> str:
    """Return the target's architecture as the tool of a list spells it."""
    digits = spec.arch.removeprefix("sm_")
    spellings = {"torch": spec.compute_capability, "cmake": digits, "amd": spec.arch}
    return spellings.get(one.tool, f"-gencode arch=compute_{digits},code=sm_{digits}")


def invalid(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield words of TORCH_CUDA_ARCH_LIST that torch refuses because the dot is missing; the fix puts it in."""
    del asked
    for one in facts.arch_lists:
        if one.tool != "torch" or one.text is None or one.name != "TORCH_CUDA_ARCH_LIST":
            continue
        bad = [
            word
            for word in archs.parse("torch", one.text).bad
            if word.strip("af").isdigit() and 2 <= len(word.strip("af")) <= 3
        ]
        if bad:
            width = one.span.end_column - one.span.column
            fixable = one.span.line == one.span.end_line and width == len(one.text)
            fixed = one.text
            for word in bad:
                digits = word.rstrip("af")
                fixed = fixed.replace(word, f"{digits[:-1]}.{digits[-1]}{word[len(digits) :]}", 1)
            yield Hit(
                span=one.span,
                message=f"torch reads no architecture in {', '.join(repr(word) for word in bad)}: write {fixed!r}",
                fix=fixed if fixable else None,
            )


def native(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield builds for the GPU of the build machine where that machine has none, or another than production."""
    del asked
    if facts.kind not in ("dockerfile", "github-workflow", "gitlab-ci", "buildkite"):
        return
    for one in facts.arch_lists:
        parsed = archs.parse(one.tool, one.text) if one.text else archs.Parsed()
        if "native" in parsed.special:
            yield Hit(
                span=one.span, message=f"{one.name} is `native`: it builds for whatever GPU the build machine has"
            )


def beyond_toolkit(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield architectures that the CUDA toolkit of the same image cannot generate, or no longer."""
    toolkits = {image.scope: cuda_of(image.reference or "", asked.data) for image in facts.images}
    for one in facts.arch_lists:
        toolkit = toolkits.get(_root(one.scope, facts))
        if toolkit is None or one.tool == "amd" or one.text is None or one.adds:
            continue
        if "$" in facts.source.lines[one.span.line - 1] or facts.source.lines[one.span.line - 1].lstrip()[:3] == "ARG":
            continue  # the default of an argument, which builds pass
        for code in archs.parse(one.tool, one.text).codes:
            reason = _refused(code, toolkit, asked)
            if reason:
                yield Hit(span=one.span, message=f"{code} in {one.name}, but the image's CUDA {toolkit} {reason}")
                break


def _root(scope: str, facts: Facts) -> str:
    seen = set()
    while scope in facts.bases and scope not in seen:
        seen.add(scope)
        scope = facts.bases[scope]
    return scope


def _refused(code: archs.Code, toolkit: str, asked: Asked) -> str:
    arch = f"sm_{code.capability[0]}{code.capability[1]}"
    first = asked.stack.first_cuda(arch)
    have = Version(toolkit)
    if first and have < Version(first):
        return f"cannot generate it (first: {first})"
    for gone in asked.data.removed_archs:
        below = gone.below.removeprefix("sm_")
        if have >= Version(gone.cuda) and code.capability < (int(below[:-1]), int(below[-1])):
            return f"no longer has it (gone since {gone.cuda})"
    return ""
