"""Tests which tests are perf tests: marks, fixtures and configured paths; never names."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pytest_parity.perf import compile_glob

Gate = Callable[..., pytest.RunResult]


@pytest.mark.parametrize("mark", ["perf", "performance", "benchmark", "codspeed_benchmark", "parity"])
def test_default_marks(pytester: pytest.Pytester, gate: Gate, mark: str) -> None:
    pytester.makeini("[pytest]\nmarkers =\n  benchmark\n  codspeed_benchmark")
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.{mark}
        def test_time():
            pass

        def test_function():
            pass
        """
    )
    gate("--parity-target=h100").assert_outcomes(failed=1, passed=1)


def test_marks_on_class_module_and_parameter(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        test_class="""
        import pytest

        @pytest.mark.perf
        class TestKernels:
            def test_time(self):
                pass

        class TestMore(TestKernels):
            def test_more(self):
                pass

        class TestOther:
            def test_function(self):
                pass
        """,
        test_module="""
        import pytest

        pytestmark = [pytest.mark.perf]

        def test_time():
            pass
        """,
        test_parameter="""
        import pytest

        @pytest.mark.parametrize("size", [1, pytest.param(4096, marks=pytest.mark.perf)])
        def test_sizes(size):
            assert size == 1
        """,
    )
    gate("--parity-target=h100").assert_outcomes(failed=5, passed=2)


def test_names_and_folders_never_decide(pytester: pytest.Pytester, gate: Gate) -> None:
    folder = pytester.mkpydir("perf")
    folder.joinpath("test_benchmark.py").write_text(
        "def test_performance():\n    pass\n\ndef test_perf():\n    pass\n", encoding="utf-8"
    )
    gate("--parity-target=h100").assert_outcomes(passed=2)


def test_unittest(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        import unittest
        import pytest

        RAN = []

        @pytest.mark.perf
        class Timed(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                RAN.append("setUpClass")

            def setUp(self):
                RAN.append("setUp")

            def test_time(self):
                RAN.append("body")

        @pytest.mark.perf
        class Async(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                RAN.append("asyncSetUp")

            async def test_time(self):
                RAN.append("async body")

        class Functional(unittest.TestCase):
            def test_nothing_ran(self):
                assert RAN == []

            def test_function(self):
                pass
        """
    )
    gate("--parity-target=h100", "-W", "error").assert_outcomes(failed=2, passed=2)


def test_doctest_reached_by_pytestmark(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        kernels='''
        import pytest

        pytestmark = pytest.mark.perf

        def double(x):
            """
            >>> double(2)
            4
            """
            return 2 * x
        '''
    )
    result = gate("--parity-target=h100", "--doctest-modules")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["FAILED kernels.py::kernels.double - h100-id wanted*"])
    gate("--parity-target=here", "--doctest-modules").assert_outcomes(passed=1)


def test_benchmark_fixture(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        def test_time(benchmark):
            benchmark(sum, [1, 2])

        def test_function():
            pass
        """
    )
    off = ["-p", "benchmark", "--benchmark-disable"]
    gate("--parity-target=h100", *off).assert_outcomes(failed=1, passed=1)
    gate("--parity-target=here", *off).assert_outcomes(passed=2)


def test_configured_marks_fixtures_and_paths(pytester: pytest.Pytester, gate: Gate) -> None:
    settings = {"markers": ["slow"], "fixtures": ["timer"], "paths": ["kernels/**"]}
    pytester.path.joinpath("parity.yaml").write_text(json.dumps({"target": "h100", "perf_tests": settings}))
    pytester.makeini("[pytest]\nmarkers = slow")
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def timer():
            raise RuntimeError("must not be built")

        @pytest.mark.slow
        def test_marked():
            pass

        def test_fixture(timer):
            pass

        def test_function():
            pass
        """
    )
    folder = pytester.mkpydir("kernels")
    folder.joinpath("test_gemm.py").write_text("def test_any():\n    pass\n", encoding="utf-8")
    gate().assert_outcomes(failed=3, passed=1)


def test_configured_paths_hold_through_links(pytester: pytest.Pytester, gate: Gate) -> None:
    real = pytester.mkdir("real")
    settings = {"target": "h100", "perf_tests": {"paths": ["kernels/**"]}, "folder": str(real)}
    real.joinpath("parity.yaml").write_text(json.dumps(settings))
    real.joinpath("pytest.ini").write_text("[pytest]\n")
    real.joinpath("kernels").mkdir()
    real.joinpath("kernels", "test_gemm.py").write_text("def test_any():\n    pass\n", encoding="utf-8")
    pytester.path.joinpath("link").symlink_to(real)
    real.joinpath("short").symlink_to(real / "kernels")
    for path in ("real/kernels", "link", "link/kernels", "real/short"):
        gate(path, f"--rootdir={path.partition('/')[0]}").assert_outcomes(failed=2 if path == "link" else 1)


LINTERS = """
    import pytest

    def pytest_collect_file(file_path, parent):
        if file_path.suffix == ".py":
            return File.from_parent(parent, path=file_path)

    class File(pytest.File):
        def collect(self):
            for name in ("ruff", "mypy", "own"):
                item = Item.from_parent(self, name=name)
                item.add_marker(name)
                yield item

    class Item(pytest.Item):
        def runtest(self):
            pass
"""


def test_linters_of_configured_paths_are_let_through(pytester: pytest.Pytester, gate: Gate) -> None:
    settings = {"target": "h100", "perf_tests": {"paths": ["**"]}}
    pytester.path.joinpath("parity.yaml").write_text(json.dumps(settings))
    pytester.makeini("[pytest]\nmarkers = ruff\n  mypy\n  own\npython_files = test_*.py")
    pytester.makeconftest(LINTERS)
    pytester.makepyfile(test_gemm="import pytest\n\n@pytest.mark.ruff\ndef test_marked_like_one():\n    pass\n")
    result = gate("test_gemm.py", "-rAf")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines_random(["PASSED *::ruff", "PASSED *::mypy", "FAILED *::own *", "FAILED *like_one *"])


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("benchmarks/**", "benchmarks/a.py", True),
        ("benchmarks/**", "benchmarks/deep/a.py", True),
        ("benchmarks/**", "src/benchmarks/a.py", False),
        ("./benchmarks/**", "benchmarks/a.py", True),
        ("**/bench_*.py", "bench_a.py", True),
        ("**/bench_*.py", "a/b/bench_a.py", True),
        ("bench_*.py", "a/bench_a.py", False),
        ("a/*/test.py", "a/b/c/test.py", False),
        ("a/test_[0-9].py", "a/test_1.py", True),
        ("a/test_[!0-9].py", "a/test_1.py", False),
        ("a/test_?.py", "a/test_1.py", True),
        ("a[z-a].py", "a[z-a].py", True),
        ("a.py", "aXpy", False),
    ],
)
def test_globs(pattern: str, path: str, *, expected: bool) -> None:
    assert bool(compile_glob(pattern).fullmatch(path)) is expected
