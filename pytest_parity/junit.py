"""Knows what the JUnit file says: a few properties of the suite, and of each perf test that ran.

Properties of test cases are not in the xunit2 schema and make files grow, so functional tests get none, and
``--parity-junit=off`` leaves all of them out. Values are exact strings: pytest cannot write anything else.
PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.records import MAX_VALUE, RECORDS, perf_properties, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_parity.judge import Judge


class JUnit:
    """Adds the properties in the process that writes the file, so that xdist workers send nothing more."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Keep what will be told."""
        self._config = config
        self._judge = judge

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the properties of a perf test to its last report, the one that pytest takes them from."""
        if report.when != "teardown":
            return
        record = self._config.stash[RECORDS].of(report.nodeid)
        if record is None or record.state != "ran":
            return
        names = {name for name, _ in report.user_properties}
        report.user_properties.extend(
            (name, value)
            for name, value in perf_properties(record, self._judge.settings.judged_source).items()
            if name not in names
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Add the suite's properties; by now there is a verdict, and nobody had to wait for it."""
        verdict = self._judge.run_verdict
        add = _adder(self._config)
        if add is None or verdict is None or not verdict.active:
            return
        values = {"parity": verdict.outcome, "parity_target": verdict.target, "parity_level": verdict.level}
        machine = machine_properties(verdict.document, self._judge.settings.judged_source)
        for name, value in {**values, **machine}.items():
            add(name, plain(value)[:MAX_VALUE])


def machine_properties(document: Mapping[str, Any], source: str = "") -> dict[str, str]:
    """Return device, driver and identity hash of a verdict document, those that it has.

    Args:
        document: parity.verdict/1.
        source: what was judged in place of this machine, if anything; the device is marked with it.
    """
    fingerprint = _mapping(document.get("fingerprint"))
    driver = _mapping(_mapping(_mapping(fingerprint.get("stack")).get("components")).get("driver")).get("value")
    devices = document.get("devices")
    names = [_device_name(_mapping(one)) for one in devices] if isinstance(devices, list) else []
    counted = {name: names.count(name) for name in names}
    device = ", ".join(f"{count}x {name}" for name, count in counted.items())
    values = {
        "parity_source": source,
        "parity_device": f"{device} ({source})" if device and source else device,
        "parity_driver": driver if isinstance(driver, str) else "",
        "parity_identity_hash": str(fingerprint.get("identity_hash") or ""),
    }
    return {name: value for name, value in values.items() if value}


def _device_name(device: Mapping[str, Any]) -> str:
    return str(device.get("identity") or device.get("name") or "a GPU not in the catalog")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _adder(config: pytest.Config) -> Any:
    """Return what adds a property to the suite; None where this pytest has no such thing."""
    try:
        from _pytest.junitxml import xml_key
    except ImportError:
        return None
    return getattr(config.stash.get(xml_key, None), "add_global_property", None)
