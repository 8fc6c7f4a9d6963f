"""The plugin with the real engine: pytest in a process of its own, saved fingerprints, project files, reports."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity import __version__
from parity.engine import Engine

ROOT = Path(__file__).resolve().parent.parent.parent
RTX_4090 = str(ROOT / "docs" / "examples" / "workstation-rtx-4090.json")
PRODUCTION = str(ROOT / "docs" / "examples" / "production-8xh100.json")
Gate = Callable[..., pytest.RunResult]
HEADLINE = "NVIDIA GeForce RTX 4090 is not h100-sxm5-80gb: memory bandwidth 0.30x (same-vendor, needs equivalent)"
SUITE = """
    import pytest

    @pytest.mark.perf
    def test_time():
        print("measured")

    def test_function():
        pass
"""
HAS_GPU = any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))


@pytest.fixture
def real(pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Return a function that runs pytest in a child, with the plugin and the engine beside it."""
    monkeypatch.delenv("PARITY_ENGINE_PATH", raising=False)
    monkeypatch.setenv("PARITY_ENGINE_PATH", "")
    for name in ("PARITY_RULES", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    (pytester.path / ".git").mkdir()
    pytester.makepyfile(SUITE)

    def run(*args: str, fingerprint: str | None = RTX_4090) -> pytest.RunResult:
        given_ = () if fingerprint is None else (f"--parity-fingerprint={fingerprint}",)
        return gate(*given_, *args, "-rfsP", child=True)

    return run


def problems(name: str, data: object) -> list[str]:
    """Return what a published schema says against data."""
    schema = json.loads((ROOT / "parity" / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(data)]


def test_a_match_runs(real: Gate) -> None:
    result = real("--parity-target=8xh100", fingerprint=PRODUCTION)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["parity: target 8x h100-sxm5-80gb, here 8x NVIDIA H100 80GB HBM3 (saved fingerprint): match (identical)"]
    )
    assert "measured" in result.outlines


def test_a_mismatch_blocks_with_the_headline(real: Gate) -> None:
    result = real("--parity-target=h100")
    result.assert_outcomes(failed=1, passed=1)
    assert HEADLINE in result.outlines
    assert "measured" not in result.outlines
    result.stdout.fnmatch_lines(
        [
            "parity: target h100-sxm5-80gb, here 1x NVIDIA GeForce RTX 4090 (saved fingerprint): mismatch (same-vendor)",
            "  error[[]memory-bandwidth-below-target[]] GPU 0: peak memory bandwidth is 1008 GB/s here, 3352 GB/s on *",
            f"FAILED *::test_time - {HEADLINE[:80]}*",
        ]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_annotate_runs_and_says_so(real: Gate) -> None:
    result = real("--parity-target=h100", "--parity-mode=annotate")
    result.assert_outcomes(passed=2)
    assert "measured" in result.outlines
    result.stdout.fnmatch_lines(["verdict       mismatch, level same-vendor, equivalent required"])


def test_a_lesser_requirement_is_met(real: Gate, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parity(target="h100", require="same-vendor", rules=["arch-differs"])
        def test_of_the_vendor():
            pass

        @pytest.mark.parity(target="h100")
        def test_of_the_part():
            pass
        """
    )
    result = real("-v")
    # Another architecture is what same-vendor allows; the second test asks for more.
    result.assert_outcomes(passed=1, failed=1)


PROJECT = """
version: 1
default_target: prod
targets:
  prod: {device: rtx-4090, count: 1}
policy: {mode: fail}
"""
WAIVER = """
waivers:
  - {rule: environment-invalidates-timing, reason: "known", owner: perf-team, until: 2999-12-31}
"""


def test_a_default_target_is_judged_and_a_waiver_lets_it_pass(real: Gate, pytester: pytest.Pytester) -> None:
    (pytester.path / "parity.yaml").write_text(PROJECT)
    blocked = real()
    blocked.assert_outcomes(failed=1, passed=1)
    blocked.stdout.fnmatch_lines(["*is 1x rtx-4090, but: environment invalidates timing*"])
    (pytester.path / "parity.yaml").write_text(PROJECT + WAIVER)
    real().assert_outcomes(passed=2)


def test_an_expired_waiver_blocks(real: Gate, pytester: pytest.Pytester) -> None:
    (pytester.path / "parity.yaml").write_text(PROJECT + WAIVER.replace("2999-12-31", "2020-01-01"))
    real().assert_outcomes(failed=1, passed=1)


def test_a_section_of_pyproject_serves_as_well(real: Gate, pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml('[tool.parity]\ndefault_target = "h100"\n\n[tool.parity.policy]\nmode = "skip"\n')
    result = real()
    result.assert_outcomes(skipped=1, passed=1)
    result.stdout.fnmatch_lines(["SKIPPED * NVIDIA GeForce RTX 4090 is not h100-sxm5-80gb*"])


def test_perf_tests_of_the_project_file_are_gated(real: Gate, pytester: pytest.Pytester) -> None:
    (pytester.path / "parity.yaml").write_text("version: 1\ndefault_target: h100\nperf_tests: {paths: [speed/**]}\n")
    (pytester.path / "speed").mkdir()
    (pytester.path / "speed" / "test_fast.py").write_text("def test_it():\n    pass\n")
    real().assert_outcomes(failed=2, passed=1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--parity-target=h1000"], ["ERROR: --parity-target: *h1000*", "  close: h100*"]),
        (["--parity-target=h100", "--parity-config=gone.yaml"], ["ERROR: *gone.yaml: *"]),
        (["--parity-target=h100", "--parity-report=verdict.pdf"], ["ERROR: --parity-report: verdict.pdf: no report*"]),
    ],
)
def test_misuse_ends_the_run_before_any_test(real: Gate, words: list[str], told: list[str]) -> None:
    result = real(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(told)
    assert "measured" not in result.outlines


def test_a_wrong_project_file_ends_the_run(real: Gate, pytester: pytest.Pytester) -> None:
    (pytester.path / "parity.yaml").write_text("version: 1\ndefault_target: h100\npolicy: {mood: fail}\n")
    result = real()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *parity.yaml*policy.mood: unknown key*", "  close: mode"])


def test_reports_are_written(real: Gate, pytester: pytest.Pytester) -> None:
    real("--parity-target=h100", "--parity-report=out.json", "--parity-report=out.md")
    told = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))
    assert (told["schema"], told["tool"]) == ("parity.run/1", {"name": "parity", "version": __version__})
    assert [one["outcome"] for one in told["verdicts"]] == ["mismatch"]
    assert [(one["nodeid"].partition("::")[2], one["state"]) for one in told["tests"]] == [("test_time", "failed")]
    headline = (pytester.path / "out.md").read_text(encoding="utf-8").partition("\n")[0]
    assert headline == "## parity: MISMATCH (saved fingerprint)"


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "2")])
def test_a_run_is_reported_in_every_format(real: Gate, pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(
        test_marked="""
        import pytest

        @pytest.mark.parity(target="rtx-4090", require="same-arch", rules=["arch-differs"])
        def test_there():
            pass
        """
    )
    names = [f"new/run.{suffix}" for suffix in ("json", "md", "html", "sarif")]
    result = real("--parity-target=h100", *(f"--parity-report={name}" for name in names), *workers)
    assert [line for line in result.outlines if line.startswith("parity report")] == [
        f"parity report: {name}" for name in names
    ]
    told = json.loads((pytester.path / "new" / "run.json").read_text(encoding="utf-8"))
    assert problems("run-1", told) == []
    assert {one["nodeid"].partition("::")[2]: one["state"] for one in told["tests"]} == {
        "test_time": "failed",
        "test_there": "ran",
    }
    assert [one["target"]["id"] for one in told["verdicts"]] == ["h100-sxm5-80gb", "rtx-4090"]
    assert all(one["fingerprint"]["redacted"] for one in told["verdicts"])
    sarif = json.loads((pytester.path / "new" / "run.sarif").read_text(encoding="utf-8"))
    [found] = sarif["runs"][0]["results"]
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("test_a_run_is_reported")
    assert HEADLINE in (pytester.path / "new" / "run.html").read_text(encoding="utf-8")


def test_a_report_on_a_read_only_disk_is_told_and_changes_nothing(real: Gate, pytester: pytest.Pytester) -> None:
    result = real("--parity-target=8xh100", "--parity-report=/proc/parity/run.json", fingerprint=PRODUCTION)
    result.stdout.fnmatch_lines(["parity report: /proc/parity/run.json: NOT WRITTEN: No such file or directory"])
    assert result.ret == pytest.ExitCode.OK


def test_a_report_on_a_full_disk_is_told_and_changes_nothing(real: Gate, pytester: pytest.Pytester) -> None:
    (pytester.path / "run.json").symlink_to("/dev/full")
    result = real("--parity-target=h100", "--parity-report=run.json", "--parity-report=run.md")
    result.stdout.fnmatch_lines(
        ["parity report: run.md", "parity report: run.json: NOT WRITTEN: No space left on device"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert (pytester.path / "run.md").is_file()


def test_a_captured_fingerprint_serves_as_target(real: Gate) -> None:
    result = real(f"--parity-target={PRODUCTION}")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*is not 8x h100-sxm5-80gb*"])
    real(f"--parity-target={PRODUCTION}", fingerprint=PRODUCTION).assert_outcomes(passed=2)


def test_fixtures_give_verdict_and_fingerprint(real: Gate, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_both(parity_verdict, parity_fingerprint):
            assert (parity_verdict.outcome, parity_verdict.level) == ("mismatch", "same-vendor")
            assert parity_verdict.transfers["correctness"] == "yes"
            assert parity_fingerprint["devices"][0]["identity"]["name"]["value"] == "NVIDIA GeForce RTX 4090"
        """
    )
    real("--parity-target=h100").assert_outcomes(passed=1)


def test_a_package_called_parity_beside_the_tests_does_no_harm(real: Gate, pytester: pytest.Pytester) -> None:
    (pytester.path / "parity").mkdir()
    (pytester.path / "parity" / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    result = real("--parity-target=h100")
    result.assert_outcomes(failed=1, passed=1)
    assert HEADLINE in result.outlines


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU, so a live run judges it")
def test_a_machine_without_a_gpu_is_unknown_and_nothing_is_measured(real: Gate) -> None:
    result = real("--parity-target=h100", fingerprint=None)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "parity: target h100-sxm5-80gb, here no GPU that could be read: unknown",
            "h100-sxm5-80gb wanted, no GPU that could be read: *",
            "verdict       unknown, level unknown, equivalent required",
        ]
    )
    assert "measured" not in result.outlines


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


def value_like(old: Any) -> st.SearchStrategy[Any]:
    """Return values that a reader takes for this one's: the same type, far away; and junk, which it must refuse."""
    if isinstance(old, bool):
        return st.just(not old)
    if isinstance(old, int):
        return st.sampled_from([0, 1, -1, old + 1, old * 2, old // 2, 132, 5120, 85520809984, 2**63 - 1])
    if isinstance(old, float):
        return st.sampled_from([0.0, -1.0, old * 2, 700.0])
    if isinstance(old, str):
        names = ["", "reading", "absent", "NVIDIA H100 80GB HBM3", "10de:2330", "9.0", "HBM3", "none", "lost", "nvidia"]
        return st.sampled_from([*names, "catalog: h100-sxm5-80gb", old[::-1], old.upper()])
    if isinstance(old, list):
        return st.sampled_from([[], old[:1], old + old])
    return st.just({})


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a JSON value, the value itself left out."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [found for key in keys for found in ((*path, key), *places(node[key], (*path, key)))]


def at(node: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        node = node[key]
    return node


def corrupted(document: Any, changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    """Return the document with values replaced; a place that an earlier change took away is passed over."""
    changed = json.loads(json.dumps(document))
    for path, value in changes:
        node = changed
        try:
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = json.loads(json.dumps(value))
        except (KeyError, IndexError, TypeError):
            continue
    return changed


def here(part: str) -> Any:
    """Return the fingerprint of a part that is not the target: the example with its identity, or the catalog's."""
    if part == "rtx-4090":
        return json.loads(Path(RTX_4090).read_text(encoding="utf-8"))
    import machines
    import msgspec

    return json.loads(msgspec.json.encode(machines.machine(part)))


PARTS = ("rtx-4090", "h100-pcie-80gb", "h200-sxm-141gb", "h20-sxm-96gb", "mi300x", "a100-mig-1g.5gb", "mixed-4090-3090")
DOCUMENTS = {part: here(part) for part in PARTS}


@settings(
    max_examples=250, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data(), part=st.sampled_from(PARTS))
def test_no_corruption_turns_another_part_into_the_target(tmp_path: Path, data: st.DataObject, part: str) -> None:
    document = DOCUMENTS[part]
    paths = data.draw(st.lists(st.sampled_from(places(document)), min_size=1, max_size=4))
    junk = data.draw(st.sampled_from([False, False, False, True]))
    changes = [(one, data.draw(JUNK if junk else value_like(at(document, one)))) for one in paths]
    path = tmp_path / "here.json"
    path.write_text(json.dumps(corrupted(document, changes)), encoding="utf-8")
    (tmp_path / ".git").mkdir(exist_ok=True)
    request = {"id": 1, "op": "judge", "target": "h100", "fingerprint": str(path), "rootdir": str(tmp_path)}
    answer = Engine().answer(json.dumps(request).encode())
    if answer["ok"]:
        assert answer["passed"] is False
        assert answer["outcome"] != "match"
        assert answer["exit_status"] in (1, 3)
    else:
        assert answer["kind"] == "usage", answer["error"]
        assert str(path) in answer["error"]


def test_a_markers_mode_is_its_own(real: Gate, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parity(target="h100", mode="skip")
        def test_first():
            pass

        @pytest.mark.parity(target="h100")
        def test_second():
            pass
        """
    )
    real().assert_outcomes(skipped=1, failed=1)


def test_paths_are_relative_to_the_project_file(real: Gate, pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".yaml", parity='version: 1\ntargets: {prod: {device: h100}}\nperf_tests: {paths: ["sub/bench/**"]}\n'
    )
    folder = pytester.mkdir("sub")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "bench").mkdir()
    (folder / "bench" / "test_b.py").write_text("def test_b():\n    pass\n")
    real("sub").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    "text",
    ['[tool]\nparity.default_target = "h100"\n', "[ 'tool' . 'parity' ]\ndefault_target = \"h100\"\n",
     'tool = {parity = {default_target = "h100"}}\n'],
)  # fmt: skip
def test_every_spelling_of_the_table_counts(real: Gate, pytester: pytest.Pytester, text: str) -> None:
    pytester.makefile(".toml", pyproject=text)
    pytester.makepyfile("import pytest\n\n@pytest.mark.perf\ndef test_p():\n    pass\n")
    real().assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("mode", "outcomes"), [("fail", {"failed": 2}), ("skip", {"skipped": 2}), ("annotate", {"passed": 2})]
)
def test_a_perf_fixture_asked_for_at_run_time_is_gated(
    real: Gate, pytester: pytest.Pytester, mode: str, outcomes: dict[str, int]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def benchmark():
            return lambda call: call()

        @pytest.fixture
        def wrapped(request):
            return request.getfixturevalue("benchmark")

        def test_in_the_body(request):
            request.getfixturevalue("benchmark")(lambda: None)

        def test_through_a_fixture(wrapped):
            wrapped(lambda: None)

        def test_functional():
            pass
        """
    )
    result = real("--parity-target=h100", f"--parity-mode={mode}")
    result.assert_outcomes(**{**outcomes, "passed": outcomes.get("passed", 0) + 1})


def test_names_that_are_no_utf8(real: Gate, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pytester.path / "gr\udcfc\udcdfe"
    try:
        folder.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    folder.joinpath("parity.yaml").write_text("version: 1\ndefault_target: h100\n", encoding="utf-8")
    folder.joinpath("test_\udcfc.py").write_text(textwrap.dedent(SUITE), encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:backslashreplace")  # else pytester cannot read what is printed
    result = real("--rootdir=.", "-p", "no:cacheprovider", "--parity-report=run.json")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["parity report: run.json", "*", f"FAILED *- {HEADLINE}"])
    real(
        "--rootdir=.",
        "-p",
        "no:cacheprovider",
        "--parity-mode=annotate",
        "--parity-report=run.json",
        "--parity-report=run.md",
    )
    for name in ("run.json", "run.md"):
        assert "::test_time" in folder.joinpath(name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("required", "status"), [("true", 1), ("false", 0)])
def test_a_project_that_requires_a_measurement_does_so_of_marked_tests_alone(
    required: str, status: int, real: Gate, pytester: pytest.Pytester
) -> None:
    """Its targets have no default: only a marker names one."""
    (pytester.path / "parity.yaml").write_text(
        f"version: 1\ntargets: {{prod: {{device: h100}}, next: {{device: b200}}}}\npolicy: {{require_measured: {required}}}\n"
    )
    pytester.makepyfile("import pytest\n\n@pytest.mark.parity(target='prod')\ndef test_time():\n    pass\n")
    assert real("--parity-mode=skip").ret == status
