"""Checks SARIF against the OASIS schema and against what GitHub's code scanning refuses or drops."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema

SCHEMA = Path(__file__).resolve().parent.parent / "fixtures" / "schemas" / "sarif-schema-2.1.0.json"


@cache
def _validator() -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def problems(text: str) -> list[str]:
    """Return everything that the standard or code scanning would refuse in a SARIF file; empty: it is taken in."""
    log = json.loads(text)
    found = [f"schema: {error.json_path}: {error.message[:200]}" for error in _validator().iter_errors(log)]
    if found:
        return found
    if len(gzip.compress(text.encode())) > 10 * 1024 * 1024:
        found.append("more than 10 MB compressed")
    if len(log["runs"]) > 20:
        found.append("more than 20 runs")
    found += [f"empty text at {path}" for path in _empty(log)]
    ids = [run.get("automationDetails", {}).get("id", "").rpartition("/")[0] for run in log["runs"]]
    if len(set(ids)) != len(ids):
        found.append(f"two runs of one category: {ids}")
    for run in log["runs"]:
        found += _run(run)
    return found


def _run(run: dict[str, Any]) -> list[str]:
    found: list[str] = []
    rules = run["tool"]["driver"]["rules"]
    if len({rule["id"] for rule in rules}) != len(rules):
        found.append("a rule id given twice")
    if len(run["results"]) > 5000:
        found.append("more than the 5,000 results that are kept")
    for rule in rules:
        for name in ("shortDescription", "fullDescription", "help"):
            size = len(rule[name]["text"])
            if not size or (name != "help" and size > 1024):
                found.append(f"{rule['id']}: {name} has {size} characters")
        if "security-severity" in rule["properties"]:
            found.append(f"{rule['id']}: security-severity in a tool that is none of security")
        if rule["properties"]["problem.severity"] not in ("error", "warning", "recommendation"):
            found.append(f"{rule['id']}: problem.severity")
        if len(rule["properties"]["tags"]) > 10:
            found.append(f"{rule['id']}: too many tags")
    prints = [json.dumps(result["partialFingerprints"], sort_keys=True) for result in run["results"]]
    if len(set(prints)) != len(prints):
        found.append("one fingerprint for several results")
    for result in run["results"]:
        found += _result(result, rules)
    return found


def _result(result: dict[str, Any], rules: list[dict[str, Any]]) -> list[str]:
    name = result["ruleId"]
    found = [] if rules[result["ruleIndex"]]["id"] == name else [f"{name}: ruleIndex of another rule"]
    if (result.get("kind", "fail") == "fail") == (result["level"] == "none"):
        found.append(f"{name}: kind {result.get('kind')} with level {result['level']}")
    locations = result.get("locations") or []
    if not locations:
        return [*found, f"{name}: no location"]
    for location in locations:
        physical = location["physicalLocation"]
        found += [f"{name}: {why}" for why in bad_uri(physical["artifactLocation"]["uri"])]
        region = physical.get("region", {"startLine": 1})
        start = (region["startLine"], region.get("startColumn", 1))
        end = (region.get("endLine", start[0]), region.get("endColumn", start[1]))
        if min(*start, *end) < 1 or end < start:
            found.append(f"{name}: region {region}")
    return found


def bad_uri(uri: str) -> list[str]:
    """Return what is wrong with the URI of a file in the repository."""
    found = []
    if not uri or re.search(r"[^A-Za-z0-9/!$&'()*+,=@~._%:;-]", uri) or re.search(r"%(?![0-9A-Fa-f]{2})", uri):
        found.append(f"{uri!r} is no URI")
    parts = urlsplit(uri)
    if parts.scheme or parts.netloc or uri.startswith("/") or ".." in unquote(uri).split("/"):
        found.append(f"{uri!r} is not below the top of the repository")
    return found


def _empty(value: Any, path: str = "$") -> list[str]:
    if isinstance(value, dict):
        return [one for key, item in value.items() for one in _empty(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [one for number, item in enumerate(value) for one in _empty(item, f"{path}[{number}]")]
    # A fix that deletes inserts nothing.
    return [path] if value == "" and not path.endswith("insertedContent.text") else []
