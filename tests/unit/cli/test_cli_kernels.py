"""`parity kernels`: libraries, folders, wheels and packages, judged for a target and for here."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import binary_writer as write
import jsonschema
import pytest

from parity.binaries import packages
from parity.cli import generate

REPORTS = Path(__file__).resolve().parents[2] / "fixtures" / "reports"
EXACT = write.elf({".nv_fatbin": write.fatbin(write.sass(80), write.sass(90))})
JIT = write.elf({".nv_fatbin": write.fatbin(write.sass(80), write.ptx(80))})
OLD = write.elf({".nv_fatbin": write.fatbin(write.sass(80))})
BROKEN = write.elf({".nv_fatbin": write.fatbin(write.sass(90))[:-100]})


def put(name: str, raw: bytes) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(raw)
    return name


@pytest.fixture
def site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder of installed packages, the only one on the module path."""
    place = folder / "venv" / "site-packages"
    place.mkdir(parents=True)
    monkeypatch.setattr(packages, "site_folders", lambda: [str(place)])
    return place


def install(site: Path, name: str, files: dict[str, bytes]) -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "RECORD").write_text("\n".join(f"{inner},," for inner in files), encoding="utf-8")
    for inner, raw in files.items():
        (site / inner).parent.mkdir(parents=True, exist_ok=True)
        (site / inner).write_bytes(raw)


@pytest.mark.parametrize(
    ("raw", "target", "status", "verdict"),
    [
        (EXACT, "h100", 0, "native-exact"),
        (EXACT, "sm_89", 0, "native-compatible"),
        (JIT, "h100", 0, "ptx-jit"),
        (OLD, "h100", 1, "none"),
        (OLD, "mi300x", 1, "none"),
        (BROKEN, "h100", 3, "unknown"),
    ],
)
def test_the_exit_status_is_the_targets(raw: bytes, target: str, status: int, verdict: str, run: Any) -> None:
    answer = run("kernels", put("lib.so", raw), "--target", target, "--format", "json")
    told = json.loads(answer.out)
    assert (answer.status, told["exit_status"], told["libraries"][0]["verdict"]["target"]) == (status, status, verdict)


def test_one_that_lacks_code_is_not_hidden_by_others(run: Any) -> None:
    put("a/good.so", EXACT)
    put("a/old.so", OLD)
    answer = run("kernels", "a", "--target", "h100")
    assert answer.status == 1
    assert "2 libraries with device code in 2 packages: 1 without code for sm_90; 2 files" in answer.out


def test_a_search_that_finds_nothing_is_no_pass(run: Any) -> None:
    put("a/plain.so", write.elf({".text": bytes(100)}))
    assert run("kernels", "a", "--target", "h100") == (
        3, "", ("parity: a: no device code in 1 file\n"
        "  mend: check the path or the package; packages that compile at run time hold none\n"),
    )  # fmt: skip


def test_a_package_is_judged_by_its_worst_library(site: Path, run: Any) -> None:
    install(site, "Fast_Kernels", {"fast/_C.so": EXACT, "fast/_old.so": OLD})
    install(site, "other", {"other/_C.so": OLD})
    answer = run("kernels", "fast-kernels", "--target", "h100")
    assert answer.status == 1
    assert answer.out.splitlines()[1:3] == ["Fast_Kernels  1.0      none", "    none: _old.so"]
    assert "other" not in answer.out


def test_everything_installed_is_looked_at_without_a_name(site: Path, run: Any) -> None:
    install(site, "one", {"one/_C.so": EXACT})
    install(site, "two", {"two/_C.so": EXACT, "two/__init__.py": b"x" * 100})
    told = json.loads(run("kernels", "--target", "h100", "--format", "json").out)
    assert [package["package"] for package in told["packages"]] == ["one", "two"]


def test_an_unknown_package_offers_near_names(site: Path, run: Any) -> None:
    install(site, "xformers", {"x/_C.so": EXACT})
    assert run("kernels", "xformer") == (
        2, "", ("parity: 'xformer' is neither a path nor an installed package\n"
        "  close: xformers\n"
        "  mend: check the name, or give the path of a library, folder or wheel\n"),
    )  # fmt: skip


def test_a_wheel_is_read_in_place(run: Any) -> None:
    with zipfile.ZipFile("fast-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("fast/_C.so", JIT)
    told = json.loads(run("kernels", "fast-1.0-py3-none-any.whl", "--target", "h100", "--format", "json").out)
    (library,) = told["libraries"]
    assert (library["package"], library["version"], library["verdict"]["target"]) == ("fast", "1.0", "ptx-jit")
    assert library["path"] == "fast-1.0-py3-none-any.whl/fast/_C.so"


def test_both_sides_and_what_differs(saved: Any, run: Any) -> None:
    answer = run("kernels", put("lib.so", JIT), "--target", "h100", "--fingerprint", saved("rtx-4090"))
    assert answer.out.splitlines()[:2] == [
        "package  version  on sm_90  here (sm_89)",
        "lib.so            ptx-jit   native-compatible",
    ]
    assert "lib.so: 1 ptx-jit (0 here), 0 native-compatible (1 here)" in answer.out


def test_here_without_a_device_says_what_to_do(run: Any) -> None:
    Path("empty.json").write_text('{"schema": "parity.fingerprint/1"}', encoding="utf-8")
    answer = run("kernels", put("lib.so", JIT), "--fingerprint", "empty.json")
    assert answer == (
        3,
        "",
        "parity: --here: no device was read\n  mend: give a report that tells it: nvidia-smi -q, or parity capture\n",
    )


def test_here_is_the_part_where_a_report_tells_no_capability(run: Any) -> None:
    report = str(REPORTS / "nvidia-smi-q-h100.txt")
    answer = run("kernels", put("lib.so", EXACT), "--target", "h100", "--fingerprint", report, "--format", "json")
    assert (answer.status, json.loads(answer.out)["here"]) == (0, "sm_90")


@pytest.mark.parametrize(
    ("pin", "verdict"), [(">=550.54.14", "ptx-jit"), ("==535.104.05", "none"), ("<600", "ptx-jit")]
)
def test_a_pinned_driver_decides_what_it_compiles(run: Any, pin: str, verdict: str) -> None:
    Path("parity.yaml").write_text(f"version: 1\ntargets:\n  prod:\n    device: h100\n    stack: {{driver: '{pin}'}}\n")
    lib = put("lib.so", write.elf({".nv_fatbin": write.fatbin(write.ptx(80, isa=(8, 4)))}))
    told = json.loads(run("kernels", lib, "--target", "prod", "--format", "json").out)
    assert told["packages"][0]["target"] == verdict


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("sm_90a", "sm_90a is code, not a device\n  mend: give the device's own: sm_90\n"),
        ("compute_80", "compute_80 is code, not a device\n  mend: give the device's own: sm_80\n"),
        ("gfx9-4-generic", "gfx9-4-generic is code, not a device\n  mend: give a processor: gfx942\n"),
    ],
)
def test_code_is_no_target(target: str, words: str, run: Any) -> None:
    assert run("kernels", put("lib.so", JIT), "--target", target) == (2, "", f"parity: --target: {words}")


def test_an_unknown_target_offers_near_names(run: Any) -> None:
    answer = run("kernels", put("lib.so", JIT), "--target", "h1000")
    assert answer.status == 2
    assert "close: " in answer.err


def test_without_the_search_lacking_code_is_unknown(run: Any) -> None:
    raw = write.elf(
        {".nv_fatbin": write.fatbin(write.sass(80)), ".data": bytes(70_000) + write.fatbin(write.sass(90)) + bytes(9)}
    )
    assert run("kernels", put("lib.so", raw), "--target", "h100").status == 0
    assert run("kernels", put("lib.so", raw), "--target", "h100", "--no-scan").status == 3


def test_the_json_fits_its_schema(saved: Any, run: Any) -> None:
    put("a/good.so", EXACT)
    put("a/k/x.co", write.amd_code())
    put("a/broken.so", BROKEN)
    told = json.loads(run("kernels", "a", "--target", "h100", "--fingerprint", saved("mi300x"), "--format", "json").out)
    jsonschema.Draft202012Validator(generate.schema("kernels-1")).validate(told)
    assert len(told["libraries"]) == 3


def test_an_architecture_of_the_future_needs_no_catalog(run: Any) -> None:
    assert run("kernels", put("lib.so", JIT), "--target", "sm_150").status == 0
    assert run("kernels", put("lib.so", OLD), "--target", "sm_150").status == 1


def test_what_was_built_here_is_judged_alone(
    site: Path, folder: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(site, "fromindex", {"fromindex/x.so": OLD})
    install(site, "mine", {"mine/y.so": OLD})
    (site / "mine-1.0.dist-info" / "direct_url.json").write_text('{"url": "file:///src", "dir_info": {}}')
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(folder / "extensions"))
    put(str(folder / "extensions" / "py311_cu128" / "ops" / "ops.so"), EXACT)
    answer = run("kernels", "--built", "--target", "sm_90", "--format", "json")
    rows = json.loads(answer.out)["packages"]
    told = {row["package"].rpartition("/")[2]: (row["target"], row["told"]) for row in rows}
    assert answer.status == 1
    assert told == {
        "mine": ("none", ["installed from a folder"]),
        "ops.so": ("native-exact", ["extensions that torch compiled on the fly"]),
    }
    assert run("kernels", "--built", "mine").status == 2
