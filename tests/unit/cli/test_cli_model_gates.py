"""`parity model` without a file: the models of a project, and a model given by its dimensions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import models
import pytest

from parity.cli import generate

FLAGS = ["--layers", "80", "--hidden", "8192", "--heads", "64", "--kv-heads", "8", "--vocab", "128256"]


def project(text: str) -> None:
    for name in ("llama-3.1-8b", "llama-3.1-70b"):
        Path(f"{name}.json").write_text(json.dumps(models.config(name)))
    targets = "version: 1\ndefault_target: prod\ntargets:\n  prod: {device: h100-sxm5-80gb, count: 2}\n"
    Path("parity.yaml").write_text(targets + text)


@pytest.mark.parametrize(
    ("entry", "status", "told"),
    [
        ("{config: llama-3.1-8b.json, fits: true}", 0, "ok llama-3.1-8b.json on 2x h100-sxm5-80gb: fits"),
        ("{config: llama-3.1-70b.json, target: 1xh100}", 1, "error[footprint-beyond-target] 1x h100-sxm5-80gb"),
        ("{config: llama-3.1-70b.json, target: 1xh100, fits: false}", 0, "ok llama-3.1-70b.json on 1x"),
        ("{config: llama-3.1-8b.json, min_wave_efficiency: 0.999}", 1, "error[wave-efficiency-below-floor]"),
        ("{config: llama-3.1-8b.json, min_wave_efficiency: 0.1}", 0, "1 model: 0 failed, 0 not known"),
    ],
)
def test_each_model_of_the_project_is_held_to_its_target(entry: str, status: int, told: str, run: Any) -> None:
    project(f"models:\n  - {entry}\n")
    answer = run("model")
    assert answer.status == status
    assert told in answer.out


def test_waivers_and_settings_of_the_project_hold(run: Any) -> None:
    entry = "models:\n  - {config: llama-3.1-70b.json, target: 1xh200}\n"
    project(entry)
    assert run("model").status == 1
    waiver = "{rule: footprint-tight-on-target, reason: trial, owner: serving, until: 2999-01-01}"
    project(f"{entry}waivers:\n  - {waiver}\n")
    answer = run("model")
    assert answer.status == 0
    assert "waived until 2999-01-01 by serving: trial" in answer.out
    assert run("model", "llama-3.1-70b.json", "--target", "h200").status == 0
    project(f"{entry}rules:\n  footprint-tight-on-target: {{severity: note}}\n")
    assert run("model").status == 0


def test_an_expired_waiver_fails(run: Any) -> None:
    project(
        "models:\n  - {config: llama-3.1-8b.json}\n"
        "waivers:\n  - {rule: poor-tiles, reason: trial, owner: serving, until: 2020-01-01}\n"
    )
    answer = run("model")
    assert answer.status == 1
    assert "expired: the waiver of poor-tiles (trial) ended on 2020-01-01" in answer.out


def test_json_holds_every_report(run: Any) -> None:
    project(
        "models:\n  - {config: llama-3.1-8b.json}\n  - {config: llama-3.1-70b.json, target: 8xh100, engine: vllm}\n"
    )
    report = json.loads(run("model", "--format", "json").out)
    jsonschema.validate(report, generate.schema("models-1"))
    assert [one["target"] for one in report["models"]] == ["h100-sxm5-80gb"] * 2
    assert report["exit_status"] == 0


def test_the_target_of_the_command_line_goes_before_those_of_the_models(run: Any) -> None:
    project("models:\n  - {config: llama-3.1-70b.json, target: 8xh100}\n  - {config: llama-3.1-8b.json}\n")
    assert run("model").status == 0
    answer = run("model", "--target", "t4")
    assert answer.status == 1
    assert "FAILED llama-3.1-70b.json on 1x t4" in answer.out
    assert "FAILED llama-3.1-8b.json on 1x t4" in answer.out


def test_all_models_that_cannot_be_judged_are_told_with_their_places(run: Any) -> None:
    project(
        "models:\n  - {config: llama-3.1-8b.json, tp: 3}\n  - {config: nosuch.json}\n  - {config: llama-3.1-8b.json}\n"
        "  - {config: llama-3.1-8b.json, target: 100xh100, pp: 100}\n"
    )
    answer = run("model")
    assert answer.status == 2
    assert "parity.yaml: models[0].target: tp 3 x pp 1 x dp 1 is 3 devices, the target has 2" in answer.err
    assert "parity.yaml: models[1]: " in answer.err
    assert "nosuch.json" in answer.err
    assert "parity.yaml: models[3].pp: 100 stages for 32 layers" in answer.err
    flagged = run("model", "--target", "2xh999").err
    assert "--target: no catalog entry" in flagged


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("models: {}\n", "models: a list is needed"),
        ("models:\n  - {config: a.json, batch: 0}\n", "models[0].batch: not within 1 .. 1048576"),
        ("models:\n  - {config: a.json, min_wave_efficiency: 1.5}\n", "1.5 is no share of the waves"),
        ("models:\n  - {config: ' '}\n", "models[0].config: empty"),
        ("models:\n  - {target: h100}\n", "the key 'config' is missing"),
        ("models:\n  - {config: a.json, engine: tgi}\n", "'tgi' is not known here"),
        ("models:\n  - {config: gone.json}\n", "gone.json"),
        ("models:\n  - {config: llama-3.1-8b.json, target: h999}\n", "parity.yaml: models[0].target"),
        ("models:\n  - {config: llama-3.1-8b.json, dtype: int3}\n", "parity.yaml: models[0].dtype"),
        ("rules:\n  poor-tiles: {at_most: 3}\n", "the rule has no such setting"),
        ("rules:\n  poor-tile: off\n", "close: poor-tiles"),
    ],
)
def test_mistakes_are_told(text: str, what: str, run: Any) -> None:
    project(text)
    answer = run("model")
    assert answer.status == 2
    assert what in answer.err


def test_without_a_model_the_way_to_give_one_is_told(run: Any) -> None:
    for text, why in ((None, "there is no project file"), ("version: 1\n", "the project file names none")):
        if text is not None:
            Path("parity.yaml").write_text(text)
        answer = run("model", "--target", "h100")
        assert (answer.status, answer.out) == (2, "")
        assert f"no model was given, and {why}\n  mend: give a config.json: `parity model config.json" in answer.err
        assert answer.err.count("parity: ") == 1


@pytest.mark.parametrize("words", [["--batch", "8"], ["--kv-dtype", "fp8"], ["--engine", "usual"], ["--here", "l40s"]])
def test_what_each_model_says_itself_is_not_ignored(words: list[str], run: Any) -> None:
    project("models:\n  - {config: llama-3.1-8b.json}\n")
    answer = run("model", *words)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(f"parity: {words[0]}: each model of the project file says this itself\n  mend: ")


def test_a_model_given_by_its_dimensions(run: Any) -> None:
    answer = run("model", "--params", "70b", *FLAGS, "--dtype", "bf16", "--target", "4xh100", "--format", "json")
    report = json.loads(answer.out)
    assert answer.status == 0
    assert report["footprint"]["weights_bytes"] == 140_000_000_000
    assert report["footprint"]["kv_bytes_per_token"] == 327_680
    counted = run(
        "model", *FLAGS, "--intermediate", "28672", "--dtype", "bf16", "--target", "4xh100", "--format", "json"
    )
    assert json.loads(counted.out)["model"]["parameters"] == 70_553_706_496


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (
            ["--like", "llama"],
            "without a file --layers, --hidden, --heads, --vocab, --params or --intermediate must be",
        ),
        (["--params", "70b", "--like", "llama"], "without a file --layers, --hidden, --heads, --vocab must be given"),
        (["--layers", "80"], "without a file --hidden, --heads, --vocab, --params or --intermediate must be given"),
        ([*FLAGS], "without a file --params or --intermediate must be given"),
        ([*FLAGS, "--params", "many"], "'many' is no number of parameters"),
        ([*FLAGS, "--params", "9e99"], "is no number of parameters"),
        ([*FLAGS[2:], "--layers", "0", "--params", "7b"], "'0' is no whole number"),
        ([*FLAGS[2:], "--layers", "9" * 13, "--params", "7b"], "is no whole number"),
        (["config.json", "--layers", "80"], "--layers is for a model without a file"),
    ],
)
def test_wrong_dimensions_are_told(words: list[str], what: str, run: Any) -> None:
    answer = run("model", *words, "--target", "h100")
    assert answer.status == 2
    assert what in answer.err


def test_the_engine_changes_what_fits(run: Any) -> None:
    project("")
    most = {}
    for name in ("none", "sglang"):
        answer = run("model", "llama-3.1-8b.json", "--engine", name, "--format", "json", "--batch", "64")
        most[name] = json.loads(answer.out)["footprint"]["target"]["largest_context"]
    assert most["none"] > most["sglang"]


def test_rules_about_models_are_explained(run: Any) -> None:
    assert "setting at_least: 0.8" in run("rule", "poor-tiles").out
    assert "\nmodel\n  note     batch-bound-flips" in run("rule").out


@pytest.mark.parametrize("name", ["sarif", "junit", "github", "gitlab", "markdown"])
def test_formats_that_machines_read_place_a_model_where_it_is_declared(name: str, run: Any) -> None:
    project("models:\n  - {config: llama-3.1-8b.json}\n  - {config: llama-3.1-70b.json, target: 1xh100}\n")
    answer = run("model", "--format", name)
    assert answer.status == 1
    assert "footprint-beyond-target" in answer.out
    place = {
        "sarif": '"startLine": 7',
        "github": "::error file=parity.yaml,line=7,col=14,",
        "gitlab": '"begin": 7',
        "junit": 'file="parity.yaml" line="7"',
        "markdown": "llama-3.1-70b.json on 1x h100-sxm5-80gb: does not fit",
    }
    assert place[name] in answer.out


def test_a_model_of_a_toml_file_has_its_place(run: Any) -> None:
    project("")
    Path("parity.yaml").unlink()
    Path("pyproject.toml").write_text(
        '[[tool.parity.models]]\nconfig = "llama-3.1-8b.json"\ntarget = "h100"\n\n'
        '[[tool.parity.models]]\nconfig = "llama-3.1-70b.json"\ntarget = "h100"\n'
    )
    answer = run("model", "--format", "github")
    assert "::error file=pyproject.toml,line=5,col=1," in answer.out


def test_one_model_is_placed_at_its_file(run: Any) -> None:
    project("")
    answer = run("model", "llama-3.1-70b.json", "--target", "1xh100", "--format", "github")
    assert (answer.status, answer.out.startswith("::error file=llama-3.1-70b.json,line=1,")) == (1, True)
    flags = run("model", *FLAGS, "--params", "70b", "--dtype", "bf16", "--target", "1xh100", "--format", "gitlab")
    assert (flags.status, flags.out) == (1, "[]\n")
    assert "left out of gitlab" in flags.err
