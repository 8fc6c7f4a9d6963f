"""Tests the parity marker: settings of one test, opting out, and mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Gate = Callable[..., pytest.RunResult]
Log = Callable[[], list[dict[str, Any]]]


def test_settings_of_one_test(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parity(target="here")
        def test_fits():
            pass

        @pytest.mark.parity(target="here", mode="skip")
        def test_fits_too():
            pass

        @pytest.mark.parity(mode="skip")
        def test_skipped():
            pass

        @pytest.mark.parity(require="same-arch", rules=["memory-bandwidth-below-target"])
        def test_rules():
            pass

        @pytest.mark.perf
        def test_time():
            pass
        """
    )
    result = gate("--parity-target=h100")
    result.assert_outcomes(passed=2, skipped=1, failed=2)
    asked = [entry for entry in engine_log() if entry.get("op") == "judge"]
    assert [(entry["target"], entry["require"], entry["rules"]) for entry in asked] == [
        ("h100", None, None),
        ("here", None, None),
        ("h100", "same-arch", ["memory-bandwidth-below-target"]),
    ]
    assert asked[1]["sources"]["target"] == (
        "test_settings_of_one_test.py:3: @pytest.mark.parity of test_settings_of_one_test.py::test_fits"
    )
    result.stdout.fnmatch_lines(["target        here-id (by marker): here-id wanted*", "perf tests    2 ran"])


def test_opting_out(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.perf
        @pytest.mark.parity(off=True)
        def test_out():
            pass

        @pytest.mark.perf
        @pytest.mark.parity(mode="off")
        def test_out_too():
            pass

        @pytest.mark.parity(off=True)
        class TestOut:
            @pytest.mark.perf
            def test_out(self):
                pass

            @pytest.mark.parity
            def test_in_again(self):
                pass

        @pytest.mark.parity(target="h100")
        class TestIn:
            @pytest.mark.parity(off=True)
            def test_out(self):
                pass

            @pytest.mark.parity(mode="skip")
            def test_merged(self):
                pass
        """
    )
    gate("--parity-target=h100").assert_outcomes(passed=4, failed=1, skipped=1)


def test_a_mark_added_late_counts(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item):
            if item.name == "test_late":
                item.add_marker(pytest.mark.perf)
        """
    )
    pytester.makepyfile("def test_late():\n    pass\n\ndef test_function():\n    pass\n")
    gate("--parity-target=h100").assert_outcomes(failed=1, passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("tagret='h100'", "no argument is named 'tagret'; close: target"),
        ("'h100'", "takes named arguments only, got 'h100'; mend: write target='h100'"),
        ("mode='bogus'", "mode: 'bogus' is not one of fail, skip, xfail, annotate, off"),
        ("require='all'", "require: 'all' is not one of identical, equivalent, same-arch, same-vendor, different"),
        ("target=100", "target: 100 is not a name"),
        ("rules='memory'", "rules: 'memory' is not a list of rule names"),
        ("off='yes'", "off: 'yes' is not True or False"),
        ("conditions='skip'", "conditions: 'skip' is not one of fail, annotate, off"),
    ],
)
def test_mistakes_name_the_test(pytester: pytest.Pytester, gate: Gate, arguments: str, message: str) -> None:
    pytester.makepyfile(
        test_mistake=f"""
        import pytest

        @pytest.mark.parity({arguments})
        def test_time():
            pass
        """
    )
    result = gate("--parity-target=here", "-q")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: test_mistake.py:3: @pytest.mark.parity of test_mistake.py::test_time: {message}" in result.errlines


def test_an_unknown_target_names_the_test(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        test_mistake="""
        import pytest

        @pytest.mark.parity(target="nonsense")
        def test_time():
            pass
        """
    )
    result = gate("--parity-target=here")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: test_mistake.py:3: @pytest.mark.parity of test_mistake.py::test_time: *'nonsense'"]
    )


def test_fixtures(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_run(parity_verdict, parity_fingerprint):
            assert (parity_verdict.outcome, parity_verdict.level) == ("mismatch", "same-vendor")
            assert parity_verdict.transfers["correctness"] == "yes"
            assert parity_fingerprint["schema"] == "parity.fingerprint/1"

        @pytest.mark.parity(target="here")
        def test_own(parity_verdict):
            assert (parity_verdict.outcome, parity_verdict.passed) == ("match", True)
        """
    )
    gate("--parity-target=h100").assert_outcomes(passed=2)


def test_fixtures_without_a_target(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(
        """
        def test_verdict(parity_verdict):
            assert not parity_verdict.active
            assert (parity_verdict.outcome, parity_verdict.passed) == ("unknown", False)
            assert parity_verdict.transfers["timings_single_gpu"] == "unknown"

        def test_fingerprint(parity_fingerprint):
            assert parity_fingerprint["schema"] == "parity.fingerprint/1"
        """
    )
    gate().assert_outcomes(passed=2)
    assert [entry.get("op") for entry in engine_log()] == [None, "fingerprint", "bye"]


def test_fingerprint_of_a_machine_that_was_not_read(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile("def test_fingerprint(parity_fingerprint):\n    pass\n")
    result = gate("--parity-target=crash")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["parity_fingerprint: this machine was not read: the engine was killed by *"])
