"""The page of `parity kernels`: what lacks code first, counts as a bar, hostile names as text."""

from __future__ import annotations

import pytest
from html_page import HOSTILE, checked

from parity.model.coverage import JudgedLibrary, KernelsReport, LibraryRegions, LibraryVerdict, PackageVerdict
from parity.reports.html.kernels import render


def report(name: str = "flash", **more: object) -> KernelsReport:
    return KernelsReport(**{
        "target": "sm_90",
        "here": "sm_89",
        "packages": (
            PackageVerdict(package=name, version="2.8", target="native-exact", here="ptx-jit", differs=(f"{name}: 3",)),
            PackageVerdict(package="odd", version="1", target="unknown", here="unknown"),
            PackageVerdict(package="old", version="0.1", target="none", here="native-compatible", lacking=(name,)),
        ),
        "libraries": (
            JudgedLibrary(
                path=f"/site/{name}.so", package=name, version="2.8", size_bytes=45_000_000, counts={"sm_90": 7},
                verdict=LibraryVerdict(target="native-exact", here="ptx-jit"),
                coverage=LibraryRegions(target={"native-exact": 7}, here={"ptx-jit": 7}), problems=(name,),
            ),
        ),
        "silent": (name,),
        "files": 12,
        "bytes": 9_000_000,
        "exit_status": 1,
        **more,
    })  # type: ignore[arg-type]  # fmt: skip


def test_what_lacks_most_comes_first() -> None:
    page = checked(render(report()))
    table = page.tables["Device code of each package, what lacks most first"]
    assert table[0] == ["package", "version", "on sm_90", "here (sm_89)", "libraries that decide against it"]
    assert [row[0] for row in table[1:]] == ["old", "odd", "flash"]
    assert table[1][2:] == ["none", "native-compatible", "flash"]
    [label] = [one["aria-label"] for one in page.all("svg") if one.get("role") == "img"]
    assert label == "1 native-exact on sm_90, 1 none on sm_90, 1 unknown on sm_90"
    assert page.texts["h1"][0].startswith("code is missing ")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"target": None, "here": None, "exit_status": 0}, "nothing to judge against"),
        ({"packages": (), "exit_status": 0}, "covered"),
        ({"packages": (PackageVerdict(package="x", version="1", target="unknown"),), "exit_status": 1}, "unknown"),
        (
            {"packages": (PackageVerdict(package="x", version="1", target="unknown"),), "exit_status": 0},
            "not all known",
        ),
        ({"packages": (), "exit_status": 0, "unsearched": 2}, "not all known"),
    ],
)
def test_only_what_is_known_is_called_covered(changes: dict[str, object], word: str) -> None:
    page = checked(render(report(**changes)))
    assert page.texts["h1"][0].startswith(f"{word} ")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    page, plain = checked(render(report(text))), checked(render(report("plain")))
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
