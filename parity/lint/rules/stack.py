"""Judges the software stack: does what is installed contain code for the target, and does it fit together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from parity.catalog.compatibility import generates
from parity.checks.versions import least_admitted
from parity.lint import archs, images, parts
from parity.lint.facts import Facts, Hit, Image, Requirement
from parity.lint.requirements import BUILD
from parity.lint.script import is_perf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked
    from parity.model.lint_data import TorchRelease
    from parity.model.spec import DeviceSpec

_CUDA_SUFFIX = re.compile(r"-cu(?:da)?(\d{2})x?$")
_BOTH_MAJORS = "nvidia-cutlass-dsl-libs-"  # nvidia-cutlass-dsl asks for its CUDA 12 libraries, and its extra adds 13's
_CONDA_TOOLKITS = frozenset(
    {"conda:cudatoolkit", "conda:pytorch-cuda", "conda:cuda-version", "conda:cuda-toolkit", "conda:cuda"}
)
# Without a compiler, or with client tools alone: what pip installs into it brings its own CUDA.
_PLAIN = re.compile(r"(?:^|/)cuda(?::|$)|^\w+(?::|$)")  # nothing but CUDA or a system
_NO_TOOLKIT = re.compile(r"(?:^|/)cuda:[^/]*-(?:base|runtime)|-py3-sdk$")
# What a Dockerfile says that has the GPU compute in it: a compiler of GPU code, or a framework.
_COMPUTES = re.compile(
    r"nvcc|\.cu\b|cmake|ninja|bazel|meson|configure\b|setup\.py|requirements|environment\.ya?ml|conda|poetry|\buv\b|"
    r"pip3? install[^\n]* (?:-e )?[./]|torch|jax|tensorflow|cupy|numba|paddle|onnx|tensorrt|vllm|sglang|flash|triton|"
    r"apex|deepspeed|cudnn|nccl|mpi|CUDA_ARCH|CUDA_HOME|make\b(?! bin/)|rapids|cudf",
    re.IGNORECASE,
)
# Extras and groups that serve the project's own work: what runs for a user is not in them.
_TRIES = re.compile(r"^(?:extra|group) (?:tests?|testing|dev|docs?|lint|ci)$", re.IGNORECASE)
# A web server that asks others: nothing of it needs the GPU.
_WEB = re.compile(r"\b(?:ENTRYPOINT|CMD)\b[^\n]*\b(?:uvicorn|gunicorn|streamlit|flask|nginx)\b", re.IGNORECASE)
_MODELS = re.compile(r"torch|cuda|model|nvcc|cupy|vllm|triton|\.cu\b|cmake|gpu", re.IGNORECASE)


def pinned(one: Requirement) -> Version | None:
    """Return the version that a requirement pins, None when it leaves a choice or holds for some environments only."""
    if one.marker and "linux" not in one.marker.lower():
        return None
    if "darwin" in one.marker.lower() or "win32" in one.marker.lower():
        return None
    match = re.fullmatch(r"={2,3}([^,*]+?)(?:\.\*)?", one.specifier)
    try:
        return Version(match[1]) if match else None
    except InvalidVersion:
        return None


def variant(one: Requirement, version: Version, asked: Asked) -> tuple[str, str]:
    """Return which build of torch a requirement means: ("cuda", "12.4"), ("rocm", "6.3"), ("cpu", ""), ("default", "").

    ("unknown", "") when a value is not settled, or an index of some other kind decides.
    """
    for text in (f"+{version.local}" if version.local else "", one.index):
        match = BUILD.search(text)
        if match:
            if match[1]:
                toolkit = f"{match[1][:-1]}.{match[1][-1]}"
                elsewhere = not version.local and one.other_index and is_published(version, toolkit, asked) is False
                return ("default", "") if elsewhere else ("cuda", toolkit)
            return ("rocm", match[2]) if match[2] else ("cpu", "")
    plain = not one.index or one.index.rstrip("/").endswith("/simple")  # the default index, or a mirror of it
    return ("default" if plain and not version.local else "unknown"), ""


def release_of(version: Version, asked: Asked) -> TorchRelease | None:
    """Return the row of a torch version, None when the data do not know it."""
    wanted = f"{version.major}.{version.minor}"
    return next((row for row in asked.data.torch if row.version == wanted), None)


def is_published(version: Version, toolkit: str, asked: Asked) -> bool | None:
    """Return whether wheels of a torch version are published for a CUDA; None when the data do not know the version."""
    row = release_of(version, asked)
    return None if row is None else toolkit in row.builds


def torch_lacks_target(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield pinned torch builds that have no machine code for the target."""
    spec = asked.spec_for(facts.path)
    if spec is None or not _speaks_of_runs(facts):
        return
    for one in facts.requirements:
        other = parts.speaks_for_another(one.group, spec) or _TRIES.search(one.group)  # an extra called npu, or test
        version = pinned(one) if one.name == "torch" and not other else None
        if version and version.public in facts.path:
            continue  # a file named for an old release holds that release
        reason = _torch_gap(one, version, spec, asked) if version else ""
        if reason:
            yield Hit(span=one.span, message=f"torch {version} has no code for {spec.arch} ({spec.id}): {reason}")


def _torch_gap(one: Requirement, version: Version, spec: DeviceSpec, asked: Asked) -> str:
    kind, toolkit = variant(one, version, asked)
    if spec.vendor == "amd":
        first = next((row.version for row in asked.data.rocm_first if row.arch == spec.arch), None)
        if kind == "rocm" and first and Version(toolkit) < Version(first):
            return f"it is built with ROCm {toolkit}, which cannot generate it (first: {first})"
        return ""
    if kind == "cuda":
        first = asked.stack.first_cuda(spec.arch)
        if first and Version(toolkit) < Version(first) and not generates(asked.stack, toolkit, spec.arch):
            if is_published(version, toolkit, asked) is False:
                return f"no wheel of it is published for CUDA {toolkit}, which cannot generate it (first: {first})"
            return f"it is built with CUDA {toolkit}, which cannot generate it (first: {first}), and carries no PTX"
        return ""
    row = release_of(version, asked) if kind == "default" else None
    if row is None:
        return ""
    codes = tuple(archs.parse("cmake", ";".join(f"{arch.removeprefix('sm_')}-real" for arch in row.archs)).codes)
    if archs.reach(codes, spec) == "none":
        return f"its wheel has {', '.join(row.archs)} (CUDA {row.cuda}) and no PTX"
    return ""


def _speaks_of_runs(facts: Facts) -> bool:
    """Return whether a file's stack is one that runs: of CI jobs only what measures."""
    return not facts.jobs or any(is_perf(command.words) for job in facts.jobs for command in job.commands)


def triton_lacks_target(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield pinned Triton releases whose compiler does not know the target."""
    spec = asked.spec_for(facts.path)
    first = next((row.version for row in asked.data.triton_first if spec and row.arch == spec.arch), None)
    if spec is None or first is None or not _speaks_of_runs(facts):
        return
    if Version(first) == min(Version(row.version) for row in asked.data.triton_first):
        return  # what came before the first release that was measured is not known
    told = {one.group for one in facts.requirements if one.name == "torch" and _lacks(one, spec, asked)}
    for one in facts.requirements:
        version = (
            pinned(one) if one.name == "triton" and one.group not in told and not _TRIES.search(one.group) else None
        )
        if version and version.release < Version(first).release:
            message = f"triton {version} cannot compile for {spec.arch} ({spec.id}); the first that can is {first}"
            yield Hit(span=one.span, message=message)


def _lacks(one: Requirement, spec: DeviceSpec, asked: Asked) -> bool:
    version = pinned(one)
    return version is not None and bool(_torch_gap(one, version, spec, asked))


def triton_differs_from_torch(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield Triton pins that are not the one the pinned torch was built and tested with."""
    if parts.names_other_vendor(facts.path):
        return  # ROCm and Intel builds of torch have Tritons of their own
    for one in facts.requirements:
        version = pinned(one) if one.name == "triton" and not one.marker else None
        if version is None:
            continue
        for other in facts.requirements:
            torch = pinned(other) if other.name == "torch" and other.group == one.group and not other.marker else None
            row = release_of(torch, asked) if torch and not torch.is_prerelease else None
            if row is not None and not _starts(version, row.triton):
                message = (
                    f"triton {version} is installed with torch {torch}, which was built and tested with {row.triton}"
                )
                yield Hit(span=one.span, message=message, mend=f"pin triton=={row.triton}, or leave it to torch")


def _starts(version: Version, wanted: str) -> bool:
    """Return whether two versions have one minor; torch's patch releases move Triton's patch."""
    return version.release[:2] == Version(wanted).release[:2]


def cuda_too_old(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield CUDA images and conda toolkits that cannot generate code for the target."""
    spec = asked.spec_for(facts.path)
    first = asked.stack.first_cuda(spec.arch) if spec else None
    if spec is None or first is None or not _speaks_of_runs(facts) or _looks_on(facts):
        return
    known = [(image, images.cuda_at_most(image.reference or "", asked.data)) for image in facts.images]
    if any(version is not None and Version(version) >= Version(first) for _, version in known):
        return  # the file also starts from an image that can: it builds several variants
    oldest = min(Version(row.cuda) for row in asked.stack.first_toolkits)
    told: set[str] = set()
    for image, version in known:
        if (
            version
            and image.reference not in told
            and not generates(asked.stack, version, spec.arch)
            and not asked_elsewhere(image, spec)
            and not _NO_TOOLKIT.search(image.reference or "")
        ):
            told.add(image.reference or "")  # a file with one argument for several stages has one mend
            older = "" if images.cuda_of(image.reference or "", asked.data) else " or older"
            yield Hit(
                span=image.span,
                message=f"the image's CUDA {version}{older} has no code for {spec.arch} ({spec.id}); first: {first}",
                mend=f"start from an image with CUDA {first} or newer",
            )
    wheels = any(one.name == "torch" for one in facts.requirements)  # pip's torch brings its own
    for one in facts.requirements if not wheels else ():
        found = pinned(one) if one.name in _CONDA_TOOLKITS else None
        if found and oldest <= found < Version(first) and not generates(asked.stack, str(found), spec.arch):
            name = one.name.removeprefix("conda:")
            message = f"{name} {found} has no code generation for {spec.arch} ({spec.id}); first: {first}"
            yield Hit(span=one.span, message=message, mend=f"ask for {name} {first} or newer")
            return  # an environment has one toolkit, in several packages


def _looks_on(facts: Facts) -> bool:
    """Return whether an image only watches GPUs, or has its CUDA for nothing that computes."""
    if facts.kind != "dockerfile":
        return False
    said = "\n".join(line for line in facts.source.lines if not line.lstrip().upper().startswith(("FROM", "ARG", "#")))
    frames = any(not _PLAIN.search(image.reference or "") for image in facts.images)
    if _WEB.search(said) and not _MODELS.search(said):
        return True
    by_driver = "opencl" in said.lower() and "nvcc" not in said  # the driver compiles OpenCL for whatever GPU is there
    return "actions-runner" in said or (not frames and (by_driver or not _COMPUTES.search(said)))


def asked_elsewhere(image: Image, spec: DeviceSpec) -> bool:
    """Return whether the place that uses an image names another GPU."""
    from parity.lint.parts import speaks_for_another

    return speaks_for_another(image.scope, spec)


def rocm_too_old(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield ROCm images that are older than the first release for the target."""
    spec = asked.spec_for(facts.path)
    first = next((row.version for row in asked.data.rocm_first if spec and row.arch == spec.arch), None)
    known = [(image, images.rocm_of(image.reference or "")) for image in facts.images]
    if spec is None or first is None or not _speaks_of_runs(facts):
        return
    if any(have and Version(have) >= Version(first) for _, have in known):
        return
    for image, have in known:
        if have:
            message = f"the image's ROCm {have} is older than the first for {spec.arch} ({spec.id}): {first}"
            yield Hit(span=image.span, message=message, mend=f"start from an image with ROCm {first} or newer")


def floating_image(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield GPU images whose tag may mean another stack tomorrow."""
    del asked
    if "nightly" in facts.path.lower():
        return  # it floats on purpose
    for image in facts.images:
        if "$" in facts.source.lines[image.span.line - 1]:
            continue  # the default of an argument, which builds pass
        if image.reference and images.floats(image.reference):
            yield Hit(
                span=image.span,
                message=f"{image.reference} names no version: toolkit and libraries change under the numbers",
            )


def torch_differs_from_image(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield torch builds of another CUDA major than the toolkit of their image, where extensions are compiled."""
    toolkits = {
        image.scope: images.cuda_of(image.reference, asked.data)
        for image in facts.images
        if image.reference and "-devel" in image.reference
    }
    for one in facts.requirements:
        version = pinned(one) if one.name == "torch" and one.group.startswith("image:") else None
        if version is None:
            continue
        toolkit = toolkits.get(_root(one.group.split(":")[1], facts))
        kind, cuda = variant(one, version, asked)
        if kind == "default":
            row = release_of(version, asked)
            cuda = row.cuda if row else ""
        if toolkit and cuda and toolkit.split(".")[0] != cuda.split(".")[0]:
            message = f"torch {version} is built with CUDA {cuda}, and the image's toolkit is {toolkit}"
            yield Hit(span=one.span, message=message)


def _root(scope: str, facts: Facts) -> str:
    seen = set()
    while scope in facts.bases and scope not in seen:
        seen.add(scope)
        scope = facts.bases[scope]
    return scope


def mixed_cuda_majors(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield packages of another CUDA major than an earlier one that is installed with them."""
    del asked
    if facts.kind == "lock":
        return
    first: dict[str, tuple[str, str]] = {}
    for one in facts.requirements:
        match = _CUDA_SUFFIX.search(one.name)
        if match is None or one.marker or one.group == "build" or one.name.startswith(_BOTH_MAJORS):
            continue
        earlier = first.setdefault(one.group, (match[1], one.name))
        if earlier[0] != match[1]:
            message = f"{one.name} is for CUDA {match[1]}, {earlier[1]} beside it for CUDA {earlier[0]}"
            yield Hit(span=one.span, message=message)


def conflicts_with_pins(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield versions that the target's own pins exclude."""
    if asked.target is None or not asked.target.stack or asked.spec_for(facts.path) is None:
        return
    for component, text in asked.target.stack.items():
        try:
            wanted = SpecifierSet(text)
        except InvalidSpecifier:
            continue
        for one in facts.requirements:
            version = pinned(one) if one.name == component.lower().replace("_", "-") else None
            if version and not wanted.contains(str(version.public), prereleases=True):
                yield Hit(span=one.span, message=f"{one.name} {version} is not what the target runs: {text}")
        for image in facts.images if component == "cuda" else ():
            have = images.cuda_of(image.reference or "", asked.data)
            if have and not wanted.contains(have):
                yield Hit(span=image.span, message=f"the image's CUDA {have} is not what the target runs: {text}")


def needs_newer_driver(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield CUDA majors that need a newer driver than the target admits."""
    least = _least_driver(asked)
    if least is None or asked.spec_for(facts.path) is None:
        return
    for image in facts.images:
        cuda = images.cuda_of(image.reference or "", asked.data)
        floor = asked.stack.driver_floor(cuda) if cuda else None
        if floor and Version(floor) > least:
            message = f"the image's CUDA {cuda} needs driver {floor} or newer, and the target admits {least}"
            yield Hit(span=image.span, message=message)
    for one in facts.requirements:
        version = pinned(one) if one.name == "torch" else None
        row = release_of(version, asked) if version else None
        kind, cuda = variant(one, version, asked) if version else ("", "")
        cuda = row.cuda if kind == "default" and row else cuda
        floor = asked.stack.driver_floor(cuda) if cuda and kind != "rocm" else None
        if floor and Version(floor) > least:
            message = f"torch {version} (CUDA {cuda}) needs driver {floor} or newer, and the target admits {least}"
            yield Hit(span=one.span, message=message)


def _least_driver(asked: Asked) -> Version | None:
    """Return the oldest driver that the target's pin admits, None without a pin or a lower bound."""
    least = least_admitted(asked.target.stack.get("driver", "")) if asked.target else ""
    return Version(least) if least else None
