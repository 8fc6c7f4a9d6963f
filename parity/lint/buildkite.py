"""Knows Buildkite pipelines: steps, their agents, environment and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.lint import script
from parity.lint import yaml_positions as at
from parity.lint.facts import Facts, Job
from parity.lint.github_workflow import environment, of_perf_jobs

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
        before = len(facts.settings)
        environment(at.get(root, "env"), facts, scope="")
        outer = slice(before, len(facts.settings))
        agents = _agents(at.get(root, "agents"), facts)
        for step in at.items(at.get(root, "steps")):
            _step(step, facts, agents)
            for inner in at.items(at.get(step, "steps")):
                _step(inner, facts, agents)
        of_perf_jobs(facts, outer)
    return facts


def _agents(node: yaml.Node | None, facts: Facts) -> list[tuple[str | None, Span]]:
    """Return what selects the agent: the values of a mapping, or the texts (``queue=gpu``) of a list."""
    values = [value for _, value in at.pairs(node)] or [one for one in at.items(node) if at.is_scalar(one)]
    texts = [(at.text_of(value), at.span_of(value, facts.source)) for value in values]
    return [(None if text is None or "$" in text else text, span) for text, span in texts]


def _step(step: yaml.Node, facts: Facts, agents: list[tuple[str | None, Span]]) -> None:
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
    labels = _agents(at.get(step, "agents"), facts) or agents
    facts.jobs.append(Job(name=name, labels=tuple(labels), commands=tuple(commands)))
