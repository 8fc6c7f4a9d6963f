"""The JSON report, held against the published schemas."""

from __future__ import annotations

import json
from typing import Any

import golden
import jsonschema
import msgspec
import pytest

from parity.model.verdict import Verdict
from parity.reports.json_report import render

SCHEMAS = golden.ROOT / "parity" / "schemas"
TOP = {
    "schema", "tool", "target", "outcome", "level", "passed", "exit_status", "devices", "findings", "unknowns",
    "transfers", "transfer_reasons", "fingerprint", "configured",
}  # fmt: skip
# Beyond the contract's example: reasons, name, partition and contradictions.
DEVICE = {
    "index", "identity", "candidates", "evidence", "level", "facts", "reasons", "name", "partition", "contradictions",
}  # fmt: skip


def document(case: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(render(golden.verdict(case)))
    return loaded


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("case", ["workstation", "unknown"])  # the others change with the catalog
def test_the_report(case: str) -> None:
    golden.agrees(f"{case}.json", render(golden.verdict(case)))


@pytest.mark.parametrize("case", golden.CASES)
def test_it_fits_the_published_schema(case: str) -> None:
    assert [error.message for error in validator("verdict-1").iter_errors(document(case))] == []


@pytest.mark.parametrize("case", golden.CASES)
def test_its_fingerprint_fits_the_fingerprint_schema(case: str) -> None:
    assert [error.message for error in validator("fingerprint-1").iter_errors(document(case)["fingerprint"])] == []


def test_the_schema_refuses_what_is_no_verdict() -> None:
    broken = document("workstation")
    broken["outcome"] = "perhaps"
    del broken["level"]
    broken["devices"][0]["index"] = "first"
    told = {tuple(error.absolute_path) for error in validator("verdict-1").iter_errors(broken)}
    assert told == {(), ("outcome",), ("devices", 0, "index")}


@pytest.mark.parametrize("case", golden.CASES)
def test_its_keys_are_those_of_the_contract(case: str) -> None:
    told = document(case)
    assert set(told) == TOP
    assert set(told["tool"]) == {"name", "version"}
    assert set(told["target"]) == {"id", "name", "count", "require", "source", "partition"}
    for device in told["devices"]:
        assert set(device) == DEVICE
    for finding in told["findings"]:
        assert set(finding) == {
            "rule", "severity", "subject", "here", "wanted", "ratio", "message", "mend", "waived",
        }  # fmt: skip
    for unknown in told["unknowns"]:
        assert set(unknown) == {"rule", "subject", "why", "detail"}


@pytest.mark.parametrize("case", golden.CASES)
def test_schemas_name_themselves_first(case: str) -> None:
    told = document(case)
    assert (next(iter(told)), told["schema"]) == ("schema", "parity.verdict/1")
    assert next(iter(told["fingerprint"])) == "schema", "a reader tells the document by it"
    assert told["fingerprint"]["schema"] == "parity.fingerprint/1"


def test_every_no_and_unknown_has_its_reasons() -> None:
    for case in golden.CASES:
        told = document(case)
        denied = {name for name, answer in told["transfers"].items() if answer != "yes"}
        assert set(told["transfer_reasons"]) == denied
        assert all(told["transfer_reasons"].values())


@pytest.mark.parametrize("case", golden.CASES)
def test_it_is_read_back_as_the_same_verdict(case: str) -> None:
    assert msgspec.json.decode(render(golden.verdict(case)), type=Verdict) == golden.verdict(case)


def test_it_ends_with_one_line_break() -> None:
    text = render(golden.verdict("unknown"))
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
