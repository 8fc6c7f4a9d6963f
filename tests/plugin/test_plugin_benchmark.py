"""pytest-benchmark: what is saved about the GPU, and saved runs of another GPU that are not compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pytest_parity.benchmark import kinds, why_not_comparable

Gate = Callable[..., pytest.RunResult]
BENCHMARK = ("-p", "pytest_benchmark.plugin", "--benchmark-min-rounds=1", "--benchmark-max-time=0.001")
SUITE = """
    def test_gemm(benchmark):
        benchmark(sum, range(10))
"""


@pytest.fixture
def bench(pytester: pytest.Pytester, gate: Gate) -> Gate:
    """Return a function that runs one benchmark on a GPU of this kind."""
    pytester.makepyfile(test_suite=SUITE)

    def run(*args: str, on: str = "rtx-4090", target: str | None = "here") -> pytest.RunResult:
        asked = () if target is None else (f"--parity-target={target}",)
        return gate(*BENCHMARK, *asked, *args, child=True, environment={"FAKE_ENGINE_DEVICE": on})

    return run


def saved(pytester: pytest.Pytester) -> list[dict[str, Any]]:
    """Return the saved runs in order."""
    paths = sorted((pytester.path / ".benchmarks").rglob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def test_a_saved_run_says_which_gpu_it_is_from(pytester: pytest.Pytester, bench: Gate) -> None:
    bench("--benchmark-save=a", "--benchmark-json=out.json")
    for run in (*saved(pytester), json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))):
        assert run["machine_info"]["parity"] == {"target": "here-id", "devices": ["2x rtx-4090"]}
        assert run["benchmarks"][0]["extra_info"] == {
            "parity": "match",
            "parity_target": "here-id",
            "parity_level": "identical",
            "parity_conditions": "clean",
        }


def test_extra_information_of_the_test_is_kept(pytester: pytest.Pytester, bench: Gate) -> None:
    pytester.makepyfile(
        test_suite="""
        def test_gemm(benchmark):
            benchmark.extra_info["mine"] = 1
            benchmark(sum, range(10))
        """
    )
    bench("--benchmark-save=a")
    assert saved(pytester)[0]["benchmarks"][0]["extra_info"]["mine"] == 1
    assert saved(pytester)[0]["benchmarks"][0]["extra_info"]["parity"] == "match"


def test_a_run_of_the_same_gpu_is_compared(bench: Gate) -> None:
    bench("--benchmark-save=a")
    result = bench("--benchmark-compare", "--benchmark-compare-fail=min:1000")
    result.stdout.fnmatch_lines(["*benchmark: 2 tests*", "test_gemm (0001_a)*"])
    result.stdout.fnmatch_lines(["test_gemm (NOW)*"])
    result.stdout.no_fnmatch_line("*NOT COMPARABLE*")
    assert result.ret == pytest.ExitCode.OK


def test_a_run_of_another_gpu_is_not_compared(pytester: pytest.Pytester, bench: Gate) -> None:
    bench("--benchmark-save=a")
    before = saved(pytester)
    result = bench("--benchmark-compare", "-W", "error", on="h100-sxm5-80gb")
    result.stdout.fnmatch_lines(
        [
            (
                "parity: NOT COMPARABLE with the saved benchmark run 20*: GPU 2x h100-sxm5-80gb here, 2x rtx-4090 there; "
                "no comparison is shown"
            ),
            "*benchmark: 1 tests*",
        ]
    )
    result.stdout.no_fnmatch_line("*0001_a*")
    result.stdout.no_fnmatch_line("*(NOW)*")
    assert result.ret == pytest.ExitCode.OK
    assert saved(pytester) == before, "only the copy in memory is emptied"


@pytest.mark.parametrize("extra", [(), ("-q",), ("--no-summary",)])
def test_a_threshold_against_another_gpu_fails_the_run(bench: Gate, extra: tuple[str, ...]) -> None:
    bench("--benchmark-save=a")
    result = bench("--benchmark-compare", "--benchmark-compare-fail=min:1000", *extra, on="l4")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = [*result.outlines, *result.errlines]
    assert any("--benchmark-compare-fail cannot be decided against it, so this run fails" in line for line in told)
    result.assert_outcomes(passed=1)


def test_a_threshold_holds_for_the_saved_run_that_is_comparable(pytester: pytest.Pytester, bench: Gate) -> None:
    bench("--benchmark-save=a", on="l4")
    bench("--benchmark-save=b")
    (path,) = (pytester.path / ".benchmarks").rglob("*_b.json")
    run = json.loads(path.read_text(encoding="utf-8"))
    run["benchmarks"][0]["stats"]["min"] = 0.0  # faster than any run
    path.write_text(json.dumps(run), encoding="utf-8")
    result = bench("--benchmark-compare=000", "--benchmark-compare-fail=min:0.000000001")
    result.stdout.fnmatch_lines(["parity: NOT COMPARABLE*2x rtx-4090 here, 2x l4 there*"])
    result.stdout.no_fnmatch_line("*0001_a*")
    assert result.ret != pytest.ExitCode.OK
    result.stderr.fnmatch_lines(["*Performance has regressed*"])


def test_a_saved_run_that_names_no_gpu_is_not_compared(bench: Gate) -> None:
    bench("--benchmark-save=a", target=None)
    result = bench("--benchmark-compare")
    result.stdout.fnmatch_lines(["parity: NOT COMPARABLE*: it does not say which GPU it is from; *"])
    result.stdout.no_fnmatch_line("*(NOW)*")


def test_a_run_that_does_not_know_its_gpu_is_not_compared(bench: Gate) -> None:
    bench("--benchmark-save=a")
    result = bench("--benchmark-compare", "--parity-mode=annotate", target="crash")
    result.stdout.fnmatch_lines(["parity: NOT COMPARABLE*: it is not known which GPU this run is on; *"])


def test_without_a_target_pytest_benchmark_is_left_alone(pytester: pytest.Pytester, bench: Gate) -> None:
    bench("--benchmark-save=a", target=None)
    assert "parity" not in saved(pytester)[0]["machine_info"]
    result = bench("--benchmark-compare", target=None)
    result.stdout.fnmatch_lines(["*test_gemm (NOW)*"])


@pytest.mark.parametrize("words", [("--collect-only",), ("--benchmark-skip",), ("--benchmark-disable",)])
def test_a_run_without_measurements_refuses_nothing(bench: Gate, words: tuple[str, ...]) -> None:
    bench("--benchmark-save=a")
    result = bench("--benchmark-compare", "--benchmark-compare-fail=min:5%", *words, on="l4")
    result.stdout.no_fnmatch_line("*NOT COMPARABLE*")
    assert result.ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        ({"identity": "l4", "name": "NVIDIA L4"}, "l4"),
        ({"identity": "h100-sxm5-80gb", "partition": "mig 1g.10gb"}, "h100-sxm5-80gb [mig 1g.10gb]"),
        ({"identity": "l4", "partition": "none"}, "l4"),
        ({"identity": None, "candidates": ["mi325x", "mi300x"]}, "undecided: mi300x or mi325x"),
        ({"identity": None, "candidates": [], "name": "NVIDIA GeForce RTX 9999"}, "NVIDIA GeForce RTX 9999"),
        ({"identity": None}, "undecided"),
    ],
)
def test_a_device_is_told_by_what_stays_the_same(device: dict[str, Any], kind: str) -> None:
    assert kinds({"devices": [{"index": 7, **device}]}) == [f"1x {kind}"]


def test_order_and_index_are_no_facts() -> None:
    one, other = {"identity": "l4"}, {"identity": "a10"}
    assert kinds({"devices": [one, other, one]}) == kinds({"devices": [other, one, one]}) == ["1x a10", "2x l4"]
    assert kinds({}) == kinds({"devices": None}) == []


@pytest.mark.parametrize(
    ("here", "saved_facts", "reason"),
    [
        (["1x l4"], {"devices": ["1x l4"]}, ""),
        (["1x l4"], {"devices": ["2x l4"]}, "GPU 1x l4 here, 2x l4 there"),
        (["1x l4"], {"devices": ["1x a10", "1x l4"]}, "GPU 1x l4 here, 1x a10 + 1x l4 there"),
        (["1x l4"], None, "it does not say which GPU it is from"),
        (["1x l4"], {"devices": []}, "it does not say which GPU it is from"),
        (["1x l4"], {"devices": "1x l4"}, "it does not say which GPU it is from"),
        (["1x l4"], "odd", "it does not say which GPU it is from"),
        ([], {"devices": ["1x l4"]}, "it is not known which GPU this run is on"),
        (
            ["1x undecided: a or b"],
            {"devices": ["1x undecided: a or b"]},
            "GPU 1x undecided: a or b here, 1x undecided: a or b there, and which part that is was not decided",
        ),
    ],
)
def test_what_is_comparable(here: list[str], saved_facts: object, reason: str) -> None:
    assert why_not_comparable({"devices": here}, saved_facts) == reason
