"""Knows what the answers about the software stack mean: component versions, packages, library copies, variables."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.model.fingerprint import Library, Note
from parity.probes.fields import first, release, take, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.device import Text
    from parity.probes.supervise import Survey

Found = Literal["loaded", "package", "loader"]

# component -> distributions that carry it, the newest naming first; {} is torch's CUDA major.
_WHEELS = {
    "cuda_runtime": ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu{}"),
    "cudnn": ("nvidia-cudnn-cu{}", "nvidia-cudnn"),
    "cublas": ("nvidia-cublas", "nvidia-cublas-cu{}"),
    "nccl": ("nvidia-nccl-cu{}", "nvidia-nccl"),
    "triton": ("triton", "pytorch-triton", "pytorch-triton-rocm", "triton-rocm"),
    "jax": ("jax",),
}
# component -> library whose file name carries the version when no wheel does.
_FILES = {
    "cuda_runtime": "libcudart",
    "cudnn": "libcudnn",
    "cublas": "libcublas",
    "nccl": "libnccl",
}
_CUDA_MAJORS = ("13", "12", "11")
# Folder of a wheel's library -> the distribution that owns it.
_WHEEL_FOLDER = re.compile(r"/nvidia/(?P<name>\w+)/lib(?:64)?/[^/]+$")


def stack_parts(survey: Survey) -> tuple[dict[str, Text], dict[str, str], tuple[Library, ...]]:
    """Return components, packages and libraries; the driver's components come from the vendors' decoders."""
    packages = packages_of(survey)
    libraries = libraries_of(survey, packages)
    return components_of(survey, packages, libraries), packages, libraries


def environment(survey: Survey) -> dict[str, str]:
    """Return the listed variables that are set."""
    raw = survey.values.get("stack:environment")
    return {str(name): str(value) for name, value in raw.items()} if isinstance(raw, dict) else {}


def packages_of(survey: Survey) -> dict[str, str]:
    """Return distribution -> version; the first folder on the path wins, as in an import."""
    found: dict[str, str] = {}
    for raw in _numbered(survey, "packages"):
        for name, version in raw.items() if isinstance(raw, dict) else ():
            found.setdefault(str(name), str(version))
    return dict(sorted(found.items()))


def libraries_of(survey: Survey, packages: dict[str, str]) -> tuple[Library, ...]:
    """Return each copy once, by its resolved path: loaded, else in a package, else on the loader path."""
    found: dict[str, Library] = {}
    sources: list[tuple[Found, Any]] = [("loaded", survey.values.get("stack:loaded"))]
    sources += [("package", raw) for raw in _numbered(survey, "package_libraries")]
    sources += [("loader", raw) for raw in _numbered(survey, "loader_path")]
    sources.append(("loader", survey.values.get("stack:system_libraries")))
    for kind, raw in sources:
        for item in raw if isinstance(raw, list) else ():
            if not isinstance(item, dict) or not all(
                isinstance(item.get(key), str) for key in ("name", "path", "version")
            ):
                continue
            version = _fuller(item["version"], _wheel_version(item["path"], packages))
            found.setdefault(item["path"], Library(name=item["name"], path=item["path"], version=version, found=kind))
    return tuple(sorted(found.values(), key=lambda library: (library.name, library.path)))


def components_of(survey: Survey, packages: dict[str, str], libraries: tuple[Library, ...]) -> dict[str, Text]:
    """Return component -> version; a component that is simply not installed is left out."""
    torch_cuda, torch_hip = _build(survey, "cuda"), _build(survey, "hip")
    found: dict[str, Text] = {
        "python": take(survey, "stack:python", text),
        "libc": take(survey, "stack:libc", text),
        "torch": first(take(survey, "stack:torch", text, "__version__"), _package(packages, "torch")),
        "torch_cuda": NOT_ASKED if isinstance(torch_hip, Reading) else torch_cuda,
        "torch_hip": torch_hip if isinstance(torch_hip, Reading) else NOT_ASKED,
        "cuda_toolkit": take(survey, "stack:toolkits", _toolkit) if survey.values.get("stack:toolkits") else NOT_ASKED,
        "rocm": take(survey, "stack:rocm", lambda raw: release(raw["text"])),
        "hip": _from_library(libraries, "libamdhip64", digits=2),
    }
    major = torch_cuda.value.partition(".")[0] if isinstance(torch_cuda, Reading) else ""
    for name, wheels in _WHEELS.items():
        library = _FILES.get(name)
        from_file = _from_library(libraries, library, digits=4) if library else NOT_ASKED
        found[name] = first(_from_wheel(packages, wheels, major), from_file)
    return {name: observed for name, observed in found.items() if _worth_telling(observed)}


def stack_notes(survey: Survey) -> tuple[Note, ...]:
    """Return notes on copies that shadow each other: a library mapped twice, a torch unlike its metadata."""
    packages = packages_of(survey)
    notes = []
    copies: dict[str, dict[str, str]] = {}
    for library in libraries_of(survey, packages):
        if library.found == "loaded":
            copies.setdefault(library.name, {})[library.path] = library.version
    for name, paths in copies.items():
        if len(paths) > 1:
            versions = ", ".join(sorted({version or "?" for version in paths.values()}))
            text_ = f"{len(paths)} copies of {name} are mapped by one process ({versions})"
            notes.append(Note(source="stack:loaded", text=text_))
    built = take(survey, "stack:torch", text, "__version__")
    if isinstance(built, Reading) and "torch" in packages and packages["torch"] != built.value:
        told = f"torch/version.py says {built.value}, the installed package says {packages['torch']}"
        notes.append(Note(source="stack:torch", text=told))
    return tuple(notes)


def _numbered(survey: Survey, name: str) -> Iterator[Any]:
    """Yield the answers ``stack:<n>:<name>`` in the order of the path."""
    keys = [key for key in survey.values if re.fullmatch(rf"stack:\d+:{name}", key)]
    for key in sorted(keys, key=lambda item: int(item.split(":")[1])):
        yield survey.values[key]


def _worth_telling(observed: Text) -> bool:
    if isinstance(observed, Reading):
        return True
    return observed.why in {"no_permission", "failed", "timed_out"} or observed.detail.startswith(
        "torch is built without"
    )


def _build(survey: Survey, name: str) -> Text:
    """Return the CUDA or HIP release torch was built for; ``None`` in its file means built without."""
    raw = survey.values.get("stack:torch")
    if isinstance(raw, dict) and raw.get(name) == "None":
        return Absent(
            why="not_supported", source=f"stack:torch.{name}", detail=f"torch is built without {name.upper()}"
        )
    return take(survey, "stack:torch", text, name)


def _package(packages: dict[str, str], name: str) -> Text:
    return Reading(value=packages[name], source=f"package:{name}") if name in packages else NOT_ASKED


def _from_wheel(packages: dict[str, str], names: tuple[str, ...], major: str) -> Text:
    """Return the version of the wheel that fits torch's CUDA; without torch, the newest CUDA's."""
    for cuda in (major,) if major else _CUDA_MAJORS:
        for name in names:
            observed = _package(packages, name.format(cuda))
            fits = "{}" in name or not major or _fits(observed, name, major)
            if isinstance(observed, Reading) and fits:
                return observed
    return NOT_ASKED


def _fits(observed: Text, name: str, major: str) -> bool:
    """Return whether a wheel without CUDA in its name (CUDA 13 and later) belongs to torch's CUDA."""
    if not name.startswith("nvidia-"):
        return True
    return isinstance(observed, Reading) and observed.value.partition(".")[0] == major


def _from_library(libraries: tuple[Library, ...], name: str | None, *, digits: int) -> Text:
    """Return the version in a library's file name: a loaded copy first, then packaged, then on the loader path."""
    order = {"loaded": 0, "package": 1, "loader": 2}
    copies = sorted(
        (library for library in libraries if library.name == name), key=lambda library: order[library.found]
    )
    for library in copies:
        numbers = library.version.split(".")
        if len(numbers) > 1:  # a lone soname number says no release
            return Reading(value=".".join(numbers[:digits]), source=f"library:{library.name} ({library.found})")
    return NOT_ASKED


def _wheel_version(path: str, packages: dict[str, str]) -> str:
    """Return the version of the NVIDIA wheel that owns a library's folder, empty when it is no such folder."""
    match = _WHEEL_FOLDER.search(path)
    if match is None:
        return ""
    stem = "nvidia-" + match["name"].replace("_", "-")
    owners = [version for name, version in packages.items() if re.fullmatch(rf"{re.escape(stem)}(-cu\d+)?", name)]
    return owners[0] if len(owners) == 1 else ""


def _fuller(one: str, two: str) -> str:
    return one if one.count(".") >= two.count(".") and one else two or one


def _toolkit(raw: Any) -> str | None:
    """Return the release of the first CUDA toolkit.

    >>> _toolkit([{"file": "version.json", "text": '{"cuda": {"version": "12.8.1"}}'}])
    '12.8.1'
    """
    for toolkit in raw:
        if toolkit["file"] == "version.json":
            told = json.loads(toolkit["text"])
            for part in ("cuda", "cuda_nvcc"):
                version = told.get(part, {}).get("version")
                if isinstance(version, str):
                    return version
        match = re.search(r"CUDA Version (\d+(?:\.\d+)+)", toolkit["text"])
        if match:
            return match[1]
    return None
