"""The published JSON Schemas: up to date, valid, and of one mind with the data they describe."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from parity.cli import generate
from parity.model.interval import Gap, Interval, IntervalFinding, Series, Tenancy, Tenant, Throttle, WatchedDevice

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMAS = ROOT / "parity" / "schemas"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))


def problems(name: str, data: object) -> list[str]:
    """Return ``path: message`` of everything that a schema says against data."""
    return [f"{error.json_path}: {error.message[:120]}" for error in validator(name).iter_errors(data)]


def loaded(path: Path) -> Any:
    """Return a YAML file as JSON has it; dates are texts there."""
    return json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))


@pytest.mark.skipif(sys.version_info < generate.NEEDS, reason="generated on Python 3.11 and newer")
def test_generated_files_are_up_to_date() -> None:
    assert generate.main(["--check"]) == 0, "run `python -m parity.cli.generate`"


@pytest.mark.skipif(sys.version_info < generate.NEEDS, reason="generated on Python 3.11 and newer")
def test_a_stale_file_would_be_noticed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = SCHEMAS / "rule-1.json"
    monkeypatch.setattr(generate, "generated", lambda: {path: "another text\n"})
    assert generate.main(["--check"]) == 1
    assert "rule-1.json" in "".join(capsys.readouterr())
    assert path.read_text(encoding="utf-8") != "another text\n"


def test_every_schema_file_is_generated() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(generate.SCHEMAS)


@pytest.mark.parametrize("name", sorted(generate.SCHEMAS))
def test_a_schema_is_valid_and_says_what_it_is(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DRAFT
    assert schema["title"].endswith(".")


@pytest.mark.parametrize("name", sorted(generate.SCHEMAS))
@pytest.mark.parametrize("data", [[], "text", 3, None])
def test_a_schema_refuses_what_is_no_mapping(name: str, data: object) -> None:
    assert problems(name, data)


@pytest.mark.parametrize("path", sorted((ROOT / "rules" / "devices").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_part_fits_its_schema(path: Path) -> None:
    assert problems("device-1", loaded(path)) == []


@pytest.mark.parametrize("path", sorted((ROOT / "rules" / "checks").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_rule_card_fits_its_schema(path: Path) -> None:
    assert problems("rule-1", loaded(path)) == []


@pytest.mark.parametrize("path", sorted((ROOT / "rules" / "environment").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_environment_card_fits_its_schema(path: Path) -> None:
    cards = loaded(path)
    assert len(cards) > 5
    assert [problem for card in cards for problem in problems("environment-1", card)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "rules" / "stack").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_stack_file_fits_its_schema(path: Path) -> None:
    assert problems("stack-1", loaded(path)) == []


@pytest.mark.parametrize("path", sorted((ROOT / "rules" / "kernels").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_kernel_library_fits_its_schema(path: Path) -> None:
    assert problems("kernel-library-1", loaded(path)) == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_every_example_is_a_fingerprint(path: Path) -> None:
    assert problems("fingerprint-1", json.loads(path.read_text(encoding="utf-8"))) == []


GOOD = """
version: 1
default_target: prod
targets:
  prod:
    device: h100-sxm5-80gb
    count: 8
    require: equivalent
    stack: {driver: ">=570", cuda: ">=12.8,<13", torch: "==2.9.*", nccl: ">=2.27", flash-attn: ">=2.8"}
    conditions: {power_limit_w: ">=700", mig: false, ecc: true}
  dev: {extends: prod, count: 1}
perf_tests: {markers: [perf, benchmark], fixtures: [benchmark], paths: ["benchmarks/**"]}
policy: {mode: fail, fail_on: error, unknown: fail}
rules:
  memory-bandwidth-below-target: {at_least: 0.95}
  display-active: "off"
waivers:
  - {rule: ecc-differs, reason: "dev pool runs without ECC", owner: perf-team, until: 2027-03-31}
"""


def test_the_project_file_of_the_design_is_good() -> None:
    assert problems("project-1", json.loads(json.dumps(yaml.safe_load(GOOD), default=str))) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("version: 2", "$.version"),
        ("version: one", "$.version"),
        ("tragets: {}", "$"),
        ("targets: [prod]", "$.targets"),
        ("targets: {prod: {device: h100, cuont: 8}}", "$.targets.prod"),
        ("targets: {prod: {device: 100}}", "$.targets.prod.device"),
        ("targets: {prod: {device: h100, count: eight}}", "$.targets.prod.count"),
        ("targets: {prod: {device: h100, require: same}}", "$.targets.prod.require"),
        ("targets: {prod: {device: h100, stack: {torch: 2.9}}}", "$.targets.prod.stack.torch"),
        ("perf_tests: {paths: benchmarks}", "$.perf_tests.paths"),
        ("policy: {mode: warn}", "$.policy.mode"),
        ("policy: {fail_on: always}", "$.policy.fail_on"),
        ("rules: {display-active: on_}", "$.rules['display-active']"),
        ("waivers: [{rule: ecc-differs, reason: x, until: 2027-03-31}]", "$.waivers[0]"),
        ("waivers: [{rule: ecc-differs, reason: x, owner: y, until: 2027-03-31, forever: true}]", "$.waivers[0]"),
    ],
)
def test_bad_project_files_are_refused_where_they_are_bad(text: str, where: str) -> None:
    found = problems("project-1", json.loads(json.dumps(yaml.safe_load(text), default=str)))
    assert [problem.split(": ")[0] for problem in found] == [where], found


@pytest.mark.parametrize(
    ("name", "file", "key"),
    [
        ("device-1", "devices/rtx-4090.yaml", "id"),
        ("rule-1", "checks/ecc-differs.yaml", "mend"),
        ("kernel-library-1", "kernels/nccl.yaml", "ranges"),
    ],
)
def test_a_data_file_without_a_key_or_with_one_too_many_is_refused(name: str, file: str, key: str) -> None:
    data = loaded(ROOT / "rules" / file)
    assert problems(name, {**data, "colour": "green"})
    del data[key]
    assert problems(name, data)


def test_the_conditions_of_a_test_fit_their_schema() -> None:
    interval = Interval(
        test="t",
        state="disturbed",
        seconds=1.5,
        samples=1,
        sampled_every_s=0.1,
        devices=(
            WatchedDevice(
                label="GPU 0",
                index=0,
                vendor="nvidia",
                series={"power_draw_w": Series(begin=1, end=2, min=1, max=2, mean=1.5, samples=2)},
                settings={"power_default_w": 700.0},
                throttled=(Throttle(cause="hw-thermal", seconds=0.5, share=0.3),),
                throttle_known=True,
                tenancy=Tenancy(ids_known=False),
                processes=(Tenant(pid=1, kind="compute", memory_bytes=5),),
                metrics={"sm_activity": 0.5},
                unknowns=(Gap(what="energy_mj", why="not_supported"),),
            ),
        ),
        findings=(IntervalFinding(rule="r", severity="error", subject="GPU 0", message="m", mend="n"),),
    )
    data = json.loads(msgspec.json.encode(interval))
    assert problems("conditions-1", data) == []
    assert problems("conditions-1", {**data, "state": "fine"})
    del data["devices"][0]["throttled"]
    assert problems("conditions-1", data)
