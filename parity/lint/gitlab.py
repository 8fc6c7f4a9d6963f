"""Knows GitLab CI pipelines: jobs, their tags, variables, images and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.lint import script
from parity.lint import yaml_positions as at
from parity.lint.facts import Facts, Image, Job
from parity.lint.github_workflow import environment, of_perf_jobs

if TYPE_CHECKING:
    import yaml

    from parity.lint.facts import Command
    from parity.lint.source import Source

_SCRIPTS = ("before_script", "script", "after_script")


def scan(source: Source) -> Facts:
    """Return the facts of a pipeline.

    Raises:
        BrokenFile: it is not YAML.
    """
    facts = Facts(source, "gitlab-ci")
    for root in at.documents(source):
        before = len(facts.settings)
        for place in (root, at.get(root, "default")):
            _image(at.get(place, "image"), facts, scope="")
        environment(at.get(root, "variables"), facts, scope="")
        outer = slice(before, len(facts.settings))
        for name, job in at.pairs(root):
            if at.get(job, "script") is not None:
                _job(name, job, facts)
        of_perf_jobs(facts, outer)
    return facts


def _image(node: yaml.Node | None, facts: Facts, *, scope: str) -> None:
    image = at.get(node, "name") or node
    if image is not None and at.is_scalar(image):
        text = at.text_of(image)
        reference = None if text is None or "$" in text else text
        facts.images.append(Image(reference=reference, span=at.span_of(image, facts.source), how="ci", scope=scope))


def _job(name: str, job: yaml.Node, facts: Facts) -> None:
    commands: list[Command] = []
    for key in _SCRIPTS:
        for item in at.items(at.get(job, key)):
            if at.is_scalar(item):
                commands += script.scan(at.script_of(item, facts.source), facts, how="ci", scope=name)
    perf = any(script.is_perf(command.words) for command in commands)
    values = environment(at.get(job, "variables"), facts, scope=name, perf=perf)
    _image(at.get(job, "image"), facts, scope=name)
    labels = []
    for item in at.items(at.get(job, "tags")):
        text = at.text_of(item)
        labels.append((None if text is None or "$" in text else text, at.span_of(item, facts.source)))
    facts.jobs.append(Job(name=name, labels=tuple(labels), commands=tuple(commands), environment=values))
