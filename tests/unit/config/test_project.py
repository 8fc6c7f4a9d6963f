"""A project file: what it may declare, and that every mistake in it is told at once with its line."""

import datetime as dt
import os
from pathlib import Path

import pytest

from parity.config.project import Project, find_project, load_project
from parity.errors import InputFileError, InvalidConfigError, ParityError
from parity.model.policy import PerfTests, Policy

DESIGN = """\
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
waivers:
  - {rule: ecc-differs, reason: "dev pool runs without ECC", owner: perf-team, until: 2027-03-31}
"""
DESIGN_TOML = """\
[project]
name = "x"
[tool.parity]
version = 1
default_target = "prod"
targets.prod.device = "h100-sxm5-80gb"
targets.prod.count = 8
targets.prod.require = "equivalent"
targets.dev = {extends = "prod", count = 1}
perf_tests = {markers = ["perf", "benchmark"], fixtures = ["benchmark"], paths = ["benchmarks/**"]}
policy = {mode = "fail", fail_on = "error", unknown = "fail"}
rules.memory-bandwidth-below-target = {at_least = 0.95}
[tool.parity.targets.prod.stack]
driver = ">=570"
cuda = ">=12.8,<13"
torch = "==2.9.*"
nccl = ">=2.27"
flash-attn = ">=2.8"
[tool.parity.targets.prod.conditions]
power_limit_w = ">=700"
mig = false
ecc = true
[[tool.parity.waivers]]
rule = "ecc-differs"
reason = "dev pool runs without ECC"
owner = "perf-team"
until = 2027-03-31
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str, name: str = "parity.yaml") -> Project:
    Path(name).write_text(text, encoding="utf-8")
    return load_project(Path(name))


def told(text: str, name: str = "parity.yaml") -> str:
    """Return the message that a file is refused with."""
    with pytest.raises(ParityError) as caught:
        load(text, name)
    return str(caught.value)


pytestmark = pytest.mark.usefixtures("folder")


def test_the_designs_example_is_read_whole() -> None:
    project = load(DESIGN)
    prod, dev = project.targets["prod"], project.targets["dev"]
    assert project.default_target == "prod"
    assert (prod.device, prod.count, prod.require) == ("h100-sxm5-80gb", 8, "equivalent")
    assert prod.stack["torch"] == "==2.9.*"
    assert prod.conditions == {"power_limit_w": ">=700", "mig": False, "ecc": True}
    assert (dev.device, dev.count, dev.stack, dev.extends) == ("h100-sxm5-80gb", 1, prod.stack, None)
    assert project.perf_tests == PerfTests(
        markers=("perf", "benchmark"), fixtures=("benchmark",), paths=("benchmarks/**",)
    )
    assert project.policy == Policy(mode="fail", fail_on="error", unknown="fail")
    assert project.rules == {"memory-bandwidth-below-target": {"at_least": 0.95}}
    assert project.waivers[0].until == dt.date(2027, 3, 31)
    assert (project.where, project.folder) == ("parity.yaml", ".")


def test_pyproject_says_the_same_in_toml() -> None:
    yaml, toml = load(DESIGN), load(DESIGN_TOML, "pyproject.toml")
    assert (toml.targets, toml.waivers, toml.rules) == (yaml.targets, yaml.waivers, yaml.rules)
    assert (toml.policy, toml.perf_tests, toml.default_target) == (yaml.policy, yaml.perf_tests, "prod")
    assert toml.where == "pyproject.toml: [tool.parity]"


def test_no_file_declares_nothing() -> None:
    assert load_project(None) == Project()


# extends


def test_extends_goes_over_several_targets_the_nearest_winning() -> None:
    targets = load(
        "targets:\n"
        "  leaf: {extends: middle, conditions: {ecc: false}}\n"
        "  middle: {extends: base, count: 4, stack: {torch: '>=2.9', nccl: '>=2'}}\n"
        "  base: {device: h200, count: 8, require: identical, stack: {torch: '>=2', cuda: '>=12'},"
        " conditions: {ecc: true, mig: false}}\n"
    ).targets
    leaf = targets["leaf"]
    assert (leaf.device, leaf.count, leaf.require) == ("h200", 4, "identical")
    assert leaf.stack == {"torch": ">=2.9", "cuda": ">=12", "nccl": ">=2"}
    assert leaf.conditions == {"ecc": False, "mig": False}


def test_extends_in_a_circle_is_told_of_each_member() -> None:
    assert told("targets:\n  a: {extends: b}\n  b: {device: h100, extends: a}\n") == (
        "parity.yaml:2: targets.a.extends: goes in a circle: a -> b -> a\n"
        "parity.yaml:3: targets.b.extends: goes in a circle: b -> a -> b\n  mend: cut it"
    )


def test_extends_of_itself_is_a_circle() -> None:
    assert "targets.a.extends: goes in a circle: a -> a" in told("targets:\n  a: {device: h100, extends: a}\n")


def test_extends_of_nothing_offers_near_names_and_is_told_once() -> None:
    assert told("targets:\n  prod: {device: h100}\n  dev: {extends: prdo}\n") == (
        "parity.yaml:3: targets.dev.extends: no target named 'prdo'\n  close: prod\n  mend: correct the name"
    )


def test_a_catalog_name_is_not_extended() -> None:
    assert "targets.dev.extends: no target named 'h100'" in told("targets:\n  dev: {extends: h100}\n")


def test_a_base_without_device_is_told_where_it_is() -> None:
    assert told("targets:\n  dev: {extends: base}\n  base: {count: 2}\n") == (
        "parity.yaml:3: targets.base: no device\n  mend: add `device:` with a name from `parity targets`"
    )


def test_a_very_long_chain_is_refused_not_followed() -> None:
    rows = ["targets:", "  t0: {device: h100}", *(f"  t{n}: {{extends: t{n - 1}}}" for n in range(1, 70))]
    assert "targets.t65.extends: more than 64 targets in a row" in told("\n".join(rows))
    assert load("\n".join(rows[:60])).targets["t50"].device == "h100"


# targets


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{devcie: h100}", ("targets.prod.devcie: unknown key\n  close: device\n"
         "  mend: remove it, or use one of: device, count, require, partition, stack, conditions, extends")),
        ("{device: h100-sxm4}", ("targets.prod.device: no catalog entry named 'h100-sxm4'\n"
         "  close: h100-sxm, h100-sxm5, h800-sxm\n  mend: pick one of these, or list all with `parity targets`")),
        ("{device: [h100]}", "targets.prod.device: text is needed, not a list\n  mend: correct the value"),
        ("{device: 65:00}", ("targets.prod.device: text is needed, not a whole number\n"
         "  mend: put the value in quotes: an unquoted 2.10 is the number 2.1, 65:00 may be 3900")),
        ("{device: h100, count: 0}", "targets.prod.count: 0 is no number of devices\n  mend: write 1 or more"),
        ("{device: h100, count: -8}", "targets.prod.count: -8 is no number of devices\n  mend: write 1 or more"),
        ("{device: h100, count: '8'}", ("targets.prod.count: a whole number is needed, not text\n"
         "  mend: correct the value")),
        ("{device: h100, count: true}", ("targets.prod.count: a whole number is needed, not true or false\n"
         "  mend: correct the value")),
        ("{device: h100, count: 1.5}", ("targets.prod.count: a whole number is needed, not a number\n"
         "  mend: correct the value")),
        ("{device: h100, require: equivalant}", ("targets.prod.require: 'equivalant' is not known here\n"
         "  close: equivalent\n"
         "  mend: use one of: different, equivalent, identical, same-arch, same-vendor, unknown")),
        ("{device: h100, require: unknown}", ("targets.prod.require: unknown is no requirement\n"
         "  mend: use one of: identical, equivalent, same-arch, same-vendor, different")),
        ("{device: h100, stack: {torch: 2.10}}", ("targets.prod.stack.torch: text is needed, not a number\n"
         "  mend: put the value in quotes: an unquoted 2.10 is the number 2.1, 65:00 may be 3900")),
        ("{device: h100, stack: {torch: '2.10'}}", ("targets.prod.stack.torch: '2.10' is no version specifier\n"
         '  mend: write a version specifier in quotes, such as ">=2.9" or "==2.9.*"')),
        ("{device: h100, stack: {torch: ''}}", ("targets.prod.stack.torch: '' is no version specifier\n"
         '  mend: write a version specifier in quotes, such as ">=2.9" or "==2.9.*"')),
        ("{device: h100, conditions: {power_limit: '>=700'}}", ("targets.prod.conditions.power_limit: no condition"
         " has this name\n  close: power_limit_w, power_limit_set_w, power_limit_requested_w\n"
         "  mend: correct the name")),
        ("{device: h100, conditions: {power_limit_w: '>=70000'}}", ("targets.prod.conditions.power_limit_w: no"
         " h100-sxm5-80gb can be set to '>=70000': its limits are 200 to 700 W\n  mend: correct the value, or the device")),
        ("{device: h100, conditions: {power_limit_w: -5}}", ("targets.prod.conditions.power_limit_w: -5 is negative,"
         " and no reading is\n  mend: correct the value")),
        ("{device: h100, conditions: {power_limit_w: '>=7OO'}}", ("targets.prod.conditions.power_limit_w: '>=7OO' is"
         ' no comparison\n  mend: write an operator and a number, such as ">=700"')),
        ("{device: h100, conditions: {ecc: [true]}}", ("targets.prod.conditions.ecc: true or false or a whole number"
         " or a number or text is needed, not a list\n  mend: correct the value")),
        ("{count: 8}", "targets.prod: no device\n  mend: add `device:` with a name from `parity targets`"),
        ("{}", "targets.prod: no device\n  mend: add `device:` with a name from `parity targets`"),
        ("h100", "targets.prod: a mapping is needed\n  mend: write at least `device:`"),
        ("~", "targets.prod: a mapping is needed\n  mend: write at least `device:`"),
        ("{device: a100-sxm4-40gb/1g.5gb}", ("targets.prod.device: 'a100-sxm4-40gb/1g.5gb' is a slice\n"
         "  mend: write `device: a100-sxm4-40gb` and `partition: 1g.5gb`")),
        ("{device: a100-sxm4-40gb, partition: 9g.5gb}", ("targets.prod.partition: a100-sxm4-40gb has no partition"
         " '9g.5gb'\n  close: 1g.5gb, 7g.40gb, 4g.20gb\n"
         "  mend: use one of: 1g.5gb, 1g.10gb, 2g.10gb, 3g.20gb, 4g.20gb, 7g.40gb")),
    ],
)  # fmt: skip
def test_a_wrong_target_names_line_key_and_mend(entry: str, problem: str) -> None:
    assert told(f"version: 1\ntargets:\n  prod: {entry}\n") == f"parity.yaml:3: {problem}"


def test_the_bad_one_of_many_pins_is_named() -> None:
    pins = ", ".join(f"p{n}: '>={n}'" for n in range(20))
    message = told(f"targets:\n  prod:\n    device: h100\n    stack: {{{pins}, torch: 2.1, nccl: 2, numpy: no}}\n")
    assert [line.split(": ")[1] for line in message.splitlines() if line.startswith("parity")] == [
        "targets.prod.stack.torch", "targets.prod.stack.nccl", "targets.prod.stack.numpy",
    ]  # fmt: skip


def test_a_slice_that_does_not_fit_an_inherited_part_is_told() -> None:
    message = told("targets:\n  a: {device: a100-sxm4-40gb, partition: 1g.5gb}\n  b: {extends: a, device: rtx-4090}\n")
    assert message == (
        "parity.yaml: targets.b.partition: rtx-4090 has no partition '1g.5gb'\n"
        "  mend: the catalog knows no partitions of this part"
    )


def test_a_file_as_device_is_read_only_when_asked_for() -> None:
    assert load("targets: {prod: {device: captures/prod.json}}\n").targets["prod"].device == "captures/prod.json"


# sections


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("polcy: {}", ("polcy: unknown key\n  close: policy\n  mend: remove it, or use one of: version, default_target,"
         " targets, perf_tests, policy, rules, waivers, lint, models")),
        ("version: 2", "version: 2 is not a version this tool reads\n  mend: write `version: 1`"),
        ("version: '1'", "version: '1' is not a version this tool reads\n  mend: write `version: 1`"),
        ("version: true", "version: True is not a version this tool reads\n  mend: write `version: 1`"),
        ("targets: [h100]", "targets: a mapping is needed, not list\n  mend: correct it"),
        ("rules: off", "rules: a mapping is needed, not bool\n  mend: correct it"),
        ("waivers: {}", "waivers: a list is needed, not dict\n  mend: correct it"),
        ("policy: fail", "policy: a mapping is needed, not str\n  mend: correct it"),
        ("default_target: prdo", ("default_target: no target named 'prdo'\n  close: prod\n"
         "  mend: name a target of this file or a part from `parity targets`")),
        ("default_target: h100-sxm4", ("default_target: no target named 'h100-sxm4'\n"
         "  close: h100-sxm, h100-sxm5, h800-sxm\n"
         "  mend: name a target of this file or a part from `parity targets`")),
        ("default_target: 100", "default_target: text is needed\n  mend: write a target's name"),
        ("policy: {mode: fial}", ("policy.mode: 'fial' is not known here\n  close: fail, xfail\n"
         "  mend: use one of: annotate, fail, off, skip, xfail")),
        ("policy: {fail_on: fatal}", ("policy.fail_on: 'fatal' is not known here\n"
         "  mend: use one of: error, note, warning")),
        ("policy: {unknown: ignore}", ("policy.unknown: 'ignore' is not known here\n"
         "  mend: use one of: fail, report, strict")),
        ("policy: {mode: off}", ("policy.mode: text is needed, not true or false\n"
         "  mend: put the value in quotes: unquoted on, off, yes and no mean true or false")),
        ("policy: {moed: fail}", ("policy.moed: unknown key\n  close: mode\n"
         "  mend: remove it, or use one of: mode, fail_on, unknown, conditions, require_measured")),
        ("perf_tests: {markers: perf}", "perf_tests.markers: a list is needed, not text\n  mend: correct the value"),
        ("perf_tests: {paths: [1]}", ("perf_tests.paths[0]: text is needed, not a whole number\n"
         "  mend: put the value in quotes: an unquoted 2.10 is the number 2.1, 65:00 may be 3900")),
        ("perf_tests: {marks: [perf]}", ("perf_tests.marks: unknown key\n  close: markers\n"
         "  mend: remove it, or use one of: markers, fixtures, paths")),
    ],
)  # fmt: skip
def test_a_wrong_section_names_line_key_and_mend(section: str, problem: str) -> None:
    assert told(f"targets: {{prod: {{device: h100}}}}\n{section}\n".replace(
        "targets: {prod: {device: h100}}\ntargets", "\ntargets"
    )) == f"parity.yaml:2: {problem}"  # fmt: skip


@pytest.mark.parametrize(
    "policy",
    [
        {"mode": mode, "fail_on": fail_on, "unknown": unknown}
        for mode in ("fail", "skip", "xfail", "annotate", "off")
        for fail_on in ("error", "warning", "note")
        for unknown in ("fail", "strict", "report")
    ],
    ids=lambda policy: "-".join(policy.values()),
)
def test_every_policy_is_read(policy: dict[str, str]) -> None:
    read = load("policy:\n" + "".join(f"  {key}: '{value}'\n" for key, value in policy.items())).policy
    assert {"mode": read.mode, "fail_on": read.fail_on, "unknown": read.unknown} == policy


def test_the_default_policy_fails_closed() -> None:
    assert load("version: 1\n").policy == Policy(mode="fail", fail_on="error", unknown="fail")


# rules


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        ("off", {"severity": "off"}),
        ("'off'", {"severity": "off"}),
        ("{severity: warning}", {"severity": "warning"}),
        ("{severity: 'off'}", {"severity": "off"}),
        ("{at_least: 0.9, at_most: 2}", {"at_least": 0.9, "at_most": 2}),
        ("{}", {}),
    ],
)
def test_a_rule_takes_settings_or_off(given: str, settings: dict[str, object]) -> None:
    assert load(f"rules: {{memory-bandwidth-below-target: {given}}}\n").rules == {
        "memory-bandwidth-below-target": settings
    }


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("memory-bandwith-below-target: {}", ("rules.memory-bandwith-below-target: no rule named"
         " 'memory-bandwith-below-target'\n  close: memory-bandwidth-below-target, memory-bandwidth-above-target,"
         " memory-size-below-target\n  mend: list all with `parity rule`")),
        ("part-differs: {at_leest: 1}", ("rules.part-differs.at_leest: the rule has no such setting\n"
         "  mend: use one of: severity")),
        ("clock-limited: {at_leest: 1}", ("rules.clock-limited.at_leest: the rule has no such setting\n"
         "  close: at_least\n  mend: use one of: severity, at_least")),
        ("clock-limited: {at_least: '0.9'}", ("rules.clock-limited.at_least: a number is needed, not '0.9'\n"
         '  mend: correct the value, or write "off"')),
        ("clock-limited: {at_least: yes}", ("rules.clock-limited.at_least: a number is needed, not True\n"
         '  mend: correct the value, or write "off"')),
        ("clock-limited: {at_least: ~}", ("rules.clock-limited.at_least: a number is needed, not None\n"
         '  mend: correct the value, or write "off"')),
        ("clock-limited: {at_least: .nan}", ("rules.clock-limited.at_least: a number is needed, not nan\n"
         '  mend: correct the value, or write "off"')),
        ("clock-limited: {at_least: -.inf}", ("rules.clock-limited.at_least: a number is needed, not -inf\n"
         '  mend: correct the value, or write "off"')),
        ("clock-limited: {at_least: 95}", ("rules.clock-limited.at_least: 95 is no fraction: 0.95 is 95 %\n"
         '  mend: correct the value, or write "off"')),
        ("clock-limited: {at_least: 0}", ("rules.clock-limited.at_least: 0 is met by anything\n"
         '  mend: correct the value, or write "off"')),
        ("clock-limited: {at_least: -1}", ("rules.clock-limited.at_least: -1 is met by anything\n"
         '  mend: correct the value, or write "off"')),
        ("ridge-point-differs: {at_most: 0.5}", ("rules.ridge-point-differs.at_most: 0.5 is no factor of 1 or more\n"
         '  mend: correct the value, or write "off"')),
        ("ridge-point-differs: {at_most: 105}", ("rules.ridge-point-differs.at_most: 105 is met by anything: "
         '1.05 is 105 %\n  mend: correct the value, or write "off"')),
        ("other-processes: {utilization_percent: -1}", ("rules.other-processes.utilization_percent: -1 is negative\n"
         '  mend: correct the value, or write "off"')),
        ("clock-limited: {severity: fatal}", ("rules.clock-limited.severity: 'fatal' is no severity\n"
         "  mend: use error, warning, note or off")),
        ("clock-limited: {severity: off}", ("rules.clock-limited.severity: YAML reads off as false\n"
         '  mend: write "off" in quotes')),
        ("clock-limited: on", "rules.clock-limited: settings or `off` are needed\n  mend: write a mapping"),
        ("clock-limited: ~", "rules.clock-limited: settings or `off` are needed\n  mend: write a mapping"),
    ],
)  # fmt: skip
def test_a_wrong_rule_setting_names_line_key_and_mend(rule: str, problem: str) -> None:
    assert told(f"rules:\n  {rule}\n") == f"parity.yaml:2: {problem}"


# waivers


@pytest.mark.parametrize(
    ("waiver", "problems"),
    [
        ("{rule: ecc-differs, owner: o, until: 2027-03-31}", ["waivers[0]: the key 'reason' is missing"]),
        ("{rule: ecc-differs}", ["waivers[0]: the key 'reason' is missing", "waivers[0]: the key 'owner' is missing",
                                 "waivers[0]: the key 'until' is missing"]),
        ("{rule: ecc-differs, reason: r, owner: ' ', until: 2027-03-31}", ["waivers[0].owner: empty"]),
        ("{rule: ecc-differs, reason: '', owner: '', until: 2027-03-31}",
         ["waivers[0].reason: empty", "waivers[0].owner: empty"]),
        ("{rule: ecc-difers, reason: r, owner: o, until: 2027-03-31}",
         ["waivers[0].rule: no rule named 'ecc-difers'"]),
        ("{rule: ecc-differs, reason: r, owner: o, until: soon}", ["waivers[0].until: no date"]),
        ("{rule: ecc-differs, reason: r, owner: o, until: 20270331}",
         ["waivers[0].until: a date is needed, not a whole number"]),
        ("{rule: ecc-differs, reason: r, owner: o, until: 2027-03-31, expires: 1}",
         ["waivers[0].expires: unknown key"]),
        ("ecc-differs", ["waivers[0]: a mapping is needed, not text"]),
    ],
)  # fmt: skip
def test_a_waiver_needs_rule_reason_owner_and_date(waiver: str, problems: list[str]) -> None:
    lines = told(f"waivers:\n  - {waiver}\n").splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [f"parity.yaml:2: {what}" for what in problems]


def test_a_date_may_be_quoted() -> None:
    waiver = load("waivers: [{rule: ecc-differs, reason: r, owner: o, until: '2027-03-31', subject: GPU 1}]\n").waivers[
        0
    ]
    assert (waiver.until, waiver.subject) == (dt.date(2027, 3, 31), "GPU 1")


# all at once


def test_problems_of_all_sections_are_told_at_once() -> None:
    text = (
        "version: 3\n"
        "defualt_target: prod\n"
        "targets:\n"
        "  prod: {device: h10O, count: 0, stack: {torch: 2.9}}\n"
        "policy: {mode: fial}\n"
        "rules: {nope: {}}\n"
        "waivers: [{rule: nope}]\n"
    )
    with pytest.raises(InvalidConfigError) as caught:
        load(text)
    assert sorted(problem.where for problem in caught.value.problems) == sorted(
        f"parity.yaml:{line}" for line in (1, 2, 4, 5, 6, 7, 7, 7)
    )
    assert all(problem.mend for problem in caught.value.problems)
    assert len([line for line in str(caught.value).split("\n") if line.startswith("parity.yaml:")]) == 8


def test_a_file_of_mistakes_is_cut_short() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        load("targets:\n" + "".join(f"  t{n}: {{device: nope{n}}}\n" for n in range(2000)))
    assert len(caught.value.problems) == 51
    assert str(caught.value.problems[-1]) == "parity.yaml: 1 more problem"


# pyproject


def test_a_problem_in_pyproject_names_the_section() -> None:
    assert told("[tool.parity]\ntargets.prod.devcie = 'h100'\n", "pyproject.toml").startswith(
        "pyproject.toml: [tool.parity]: targets.prod.devcie: unknown key\n  close: device\n"
    )


def test_pyproject_without_our_section_declares_nothing() -> None:
    assert load("[project]\nname = 'x'\n", "pyproject.toml").targets == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.parity\n", "pyproject.toml: not TOML: "),
        ("[tool.parity]\nversion = 1\nversion = 1\n", "pyproject.toml: not TOML: Cannot overwrite a value"),
        ("tool = 3\n[x]\n", None),
        (
            "[tool]\nparity = 3\n",
            "pyproject.toml: [tool.parity]: not a mapping of keys\n  mend: start with `version: 1`",
        ),
        ("[tool.parity]\nversion = " + "[" * 50_000, "pyproject.toml: not TOML: "),
        ("[tool.parity]\nversion = " + "[" * 100 + "]" * 100, "pyproject.toml: [tool.parity]: nested too deeply"),
        ("[tool.parity]\nversion" + ".a" * 50_000 + " = 1", "pyproject.toml: nested too deeply"),
        ("[tool.parity]\nversion = " + "9" * 5000, "pyproject.toml: not TOML: Exceeds the limit"),
        ("[tool.parity]\nversion = 0x" + "f" * 5000, "pyproject.toml: [tool.parity]: a number of too many digits"),
        ("[tool.parity]\nversion = 1979-05-27T07:32:00Z", "pyproject.toml: [tool.parity]: version: datetime"),
    ],
    ids=["cut", "twice", "no table", "number", "deep", "deep list", "long key", "long int", "hex int", "date"],
)
def test_broken_toml_is_told_with_the_file(text: str, message: str | None) -> None:
    if message is None:
        assert load(text, "pyproject.toml").targets == {}
    else:
        assert told(text, "pyproject.toml").startswith(message)


# find_project


def test_the_nearest_file_is_found_upwards(folder: Path) -> None:
    (folder / "parity.yaml").touch()
    (folder / "a" / "b").mkdir(parents=True)
    assert find_project(folder / "a" / "b") == folder / "parity.yaml"
    (folder / "a" / "parity.yml").touch()
    assert find_project(folder / "a" / "b") == folder / "a" / "parity.yml"


def test_parity_yaml_goes_before_pyproject(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.parity]\n")
    assert find_project(folder) == folder / "pyproject.toml"
    (folder / "parity.yaml").touch()
    assert find_project(folder) == folder / "parity.yaml"


@pytest.mark.parametrize("git", ["a directory", "a file"])
def test_the_search_does_not_leave_the_repository(folder: Path, git: str) -> None:
    (folder / "parity.yaml").touch()
    inner = folder / "repo" / "src"
    inner.mkdir(parents=True)
    assert find_project(inner) == folder / "parity.yaml"
    marker = folder / "repo" / ".git"
    marker.mkdir() if git == "a directory" else marker.write_text("gitdir: elsewhere\n")
    assert find_project(inner) is None


def test_a_file_beside_git_is_found(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / "parity.yaml").touch()
    assert find_project(folder) == folder / "parity.yaml"


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("[tool.parity]\n", True),
        ("[tool.parity.targets.prod]\n", True),
        ("[[tool.parity.waivers]]\n", True),
        ("  [ tool . parity ]\n", True),
        ('[tool."parity"]\n', True),
        ("[tool.parity-check]\n", False),
        ("[tool.parityx]\n", False),
        ("# [tool.parity]\n", False),
        ("[tool.other]\nparity = 1\n", False),
        ("", False),
    ],
)
def test_pyproject_counts_only_with_our_section(folder: Path, text: str, counts: bool) -> None:
    (folder / "parity.yaml").touch()
    inner = folder / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text(text)
    assert find_project(inner) == (inner if counts else folder) / ("pyproject.toml" if counts else "parity.yaml")


def test_a_folder_named_like_a_project_file_is_passed_by(folder: Path) -> None:
    (folder / "parity.yaml").mkdir()
    (folder / ".git").mkdir()
    assert find_project(folder) is None


def test_a_deleted_current_folder_has_no_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find_project(Path()) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_searched_is_passed_by(folder: Path) -> None:
    inner = folder / "locked" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0)
    try:
        assert find_project(inner) is None
    finally:
        inner.parent.chmod(0o755)


def test_a_missing_file_is_told(folder: Path) -> None:
    with pytest.raises(InputFileError) as caught:
        load_project(Path("gone.yaml"))
    assert str(caught.value) == "gone.yaml: no such file\n  mend: check the path"
