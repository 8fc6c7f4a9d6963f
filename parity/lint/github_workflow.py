"""Knows GitHub Actions workflows and composite actions: jobs, their runners, environment, images and scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint import script
from parity.lint import yaml_positions as at
from parity.lint.facts import Doubt, Facts, Image, Job, Setting

if TYPE_CHECKING:
    import yaml

    from parity.lint.facts import Command
    from parity.lint.source import Source, Span

_EXPRESSION = re.compile(r"\$\{\{[ \t]*([^{}\s][^{}\n]{0,300}?)[ \t]*\}\}")
_MATRIX = re.compile(r"matrix\.([\w-]+)(?:\.([\w-]+))?")
_RUNNER_INPUTS = ("runner", "runs-on", "runs_on", "runner-label")
MAX_COMBINATIONS = 64


def scan(source: Source) -> Facts:
    """Return the facts of a workflow or composite action.

    Raises:
        BrokenFile: it is not YAML.
    """
    facts = Facts(source, "github-workflow")
    for root in at.documents(source):
        before = len(facts.settings)
        outer = environment(at.get(root, "env"), facts, scope="")
        settings = slice(before, len(facts.settings))
        for name, job in at.pairs(at.get(root, "jobs")):
            _job(name, job, facts, outer)
        of_perf_jobs(facts, settings)
        for step in at.items(at.get(root, "runs", "steps")):
            _step(step, facts, "action")
    return facts


def environment(node: yaml.Node | None, facts: Facts, *, scope: str, perf: bool = False) -> dict[str, str | None]:
    """Add the variables of an ``env:`` mapping to the facts, and return them."""
    values: dict[str, str | None] = {}
    for name, value in at.pairs(node):
        text = at.text_of(value)
        if text is not None and "${{" in text:
            facts.doubts.append(Doubt(what=name, why=f"expression {text[:60]}", line=value.start_mark.line + 1))
            text = None
        values[name] = text
        span = at.span_of(value, facts.source)
        whole = span._replace(column=max(span.column - len(name) - 2, 1)) if span.column > len(name) + 2 else span
        facts.settings.append(Setting(name=name, value=text, span=span, whole=whole, how="ci", scope=scope, perf=perf))
    return values


def _job(name: str, job: yaml.Node, facts: Facts, outer: dict[str, str | None]) -> None:
    matrix = at.get(job, "strategy", "matrix")
    labels = _labels(at.get(job, "runs-on"), matrix, facts)
    commands: list[Command] = []
    for key, value in at.pairs(at.get(job, "with")):  # a reusable workflow's inputs
        if key in _RUNNER_INPUTS:
            labels += _labels(value, matrix, facts)
        elif key == "script" and at.is_scalar(value):
            commands += script.scan(at.script_of(value, facts.source), facts, how="ci", scope=name)
    container = at.get(job, "container")
    image = at.get(container, "image") or container
    if image is not None and at.is_scalar(image):
        text = at.text_of(image)
        reference = None if text is None or "${{" in text else text
        facts.images.append(Image(reference=reference, span=at.span_of(image, facts.source), how="ci", scope=name))
    before = len(facts.settings)
    own = environment(at.get(job, "env"), facts, scope=name)
    for step in at.items(at.get(job, "steps")):
        commands += _step(step, facts, name)
    if any(script.is_perf(command.words) for command in commands):
        facts.settings[before:] = [_of_perf(setting) for setting in facts.settings[before:]]
    facts.jobs.append(Job(name=name, labels=tuple(labels), commands=tuple(commands), environment={**outer, **own}))


def of_perf_jobs(facts: Facts, outer: slice) -> None:
    """Mark settings that hold for all jobs as a measurement's, when one of the jobs measures."""
    if any(script.is_perf(command.words) for job in facts.jobs for command in job.commands):
        facts.settings[outer] = [_of_perf(setting) for setting in facts.settings[outer]]


def _of_perf(setting: Setting) -> Setting:
    import msgspec

    return msgspec.structs.replace(setting, perf=True)


def _step(step: yaml.Node, facts: Facts, scope: str) -> list[Command]:
    environment(at.get(step, "env"), facts, scope=scope)
    run = at.get(step, "run")
    if run is None or not at.is_scalar(run):
        return []
    return script.scan(at.script_of(run, facts.source), facts, how="ci", scope=scope)


def _labels(node: yaml.Node | None, matrix: yaml.Node | None, facts: Facts) -> list[tuple[str | None, Span]]:
    """Return the labels of ``runs-on``: a text, a list, or a mapping with labels or a group."""
    if at.pairs(node):
        node = at.get(node, "labels") or at.get(node, "group")
    found: list[tuple[str | None, Span]] = []
    for item in at.items(node):
        span = at.span_of(item, facts.source)
        text = at.text_of(item)
        values = [text] if text is None or "${{" not in text else resolved(text, matrix)
        if None in values:
            facts.doubts.append(Doubt(what="runs-on", why=f"expression {str(text)[:60]}", line=span.line))
        found += [(value, span) for value in values]
    return found


def resolved(text: str, matrix: yaml.Node | None) -> list[str | None]:
    """Return what a text with ``${{ matrix.x }}`` becomes for each value of x, ``[None]`` when that is not settled."""
    values: list[str] = [text]
    for expression in dict.fromkeys(_EXPRESSION.findall(text)):
        match = _MATRIX.fullmatch(expression)
        found = _values(matrix, match[1], match[2]) if match else None
        if not found:
            return [None]
        pattern = re.compile(r"\$\{\{\s*" + re.escape(expression) + r"\s*\}\}")
        values = [pattern.sub(one.replace("\\", ""), value) for value in values for one in found]
        if len(values) > MAX_COMBINATIONS:
            return [None]
    return list(dict.fromkeys(values))


def _values(matrix: yaml.Node | None, key: str, below: str | None) -> list[str] | None:
    nodes = list(at.items(at.get(matrix, key)))
    nodes += [value for entry in at.items(at.get(matrix, "include")) if (value := at.get(entry, key)) is not None]
    texts = [at.text_of(at.get(node, below) if below else node) for node in nodes]
    if not texts or any(text is None or "${{" in text for text in texts):
        return None
    return [text for text in texts if text is not None]
