"""Knows Buildkite pipelines: steps, their agents, environment and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.lint import script
from parity.lint import yaml_positions as at
from parity.lint.facts import Facts, Job
from parity.lint.github_workflow import environment

if TYPE_CHECKING:
    import yaml

    from parity.lint.facts import Command
    from parity.lint.source import Source, Span


def scan(source: Source) -> Facts:
    """Return the facts of a pipeline.

    Raises:
        BrokenFile: it is not YAML.
    """
    facts = Facts(source, "buildkite")
    for root in at.documents(source):
        environment(at.get(root, "env"), facts, scope="")
        for step in at.items(at.get(root, "steps")):
            _step(step, facts)
            for inner in at.items(at.get(step, "steps")):
                _step(inner, facts)
    return facts


def _step(step: yaml.Node, facts: Facts) -> None:
    name = at.text_of(at.get(step, "label")) or at.text_of(at.get(step, "key")) or "step"
    commands: list[Command] = []
    for key in ("command", "commands"):
        for item in at.items(at.get(step, key)):
            if at.is_scalar(item):
                commands += script.scan(at.script_of(item, facts.source), facts, how="ci", scope=name)
    if not commands:
        return
    perf = any(script.is_perf(command.words) for command in commands)
    environment(at.get(step, "env"), facts, scope=name, perf=perf)
    labels: list[tuple[str | None, Span]] = []
    for _, value in at.pairs(at.get(step, "agents")):
        text = at.text_of(value)
        labels.append((None if text is None or "$" in text else text, at.span_of(value, facts.source)))
    facts.jobs.append(Job(name=name, labels=tuple(labels), commands=tuple(commands)))
