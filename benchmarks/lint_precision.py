"""Measures how often the linter is right on code nobody here wrote: ``lint_precision.py FOLDER --labels FILE``.

FOLDER holds one checkout per repository (``owner+name``), its commit in ``owner+name.commit`` or in its git folder.
Each checkout is linted for each target; ``--sample N`` prints N findings chosen by a fixed seed, for labelling by hand,
``--per-rule N`` up to N findings of each rule, spread over the repositories, so that frequent rules do not drown the
rest. With ``--labels`` the labelled findings are looked up: which still stand, and how many of those are true;
``--mark`` writes that into the label files (give a folder that holds all their repositories).
``--times`` prints how long each repository took, and what failed.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path

SEED = 20261122
TARGETS = ("h100", "mi300x", "b200", "l40s", "mi355x", "rtx-4090")
# A project that says which GPU it is for is held against that.
OWN_TARGETS = {"noonghunna+club-3090": ("rtx-3090",)}
DEADLINE_S = 600
Finding = dict[str, object]


def commit_of(checkout: Path) -> str:
    """Return the commit of a checkout, empty when nothing says."""
    beside = checkout.with_name(f"{checkout.name}.commit")
    if beside.is_file():
        return beside.read_text().strip()
    done = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def findings_of(checkout: Path, target: str) -> list[Finding]:
    """Return the findings of one checkout for one target."""
    words = [sys.executable, "-m", "parity.cli.main", "lint", ".", "--target", target, "--format", "json"]
    try:
        done = subprocess.run(
            [*words, "--exit-zero"], capture_output=True, text=True, check=False, cwd=checkout, timeout=DEADLINE_S
        )
    except subprocess.TimeoutExpired:
        print(f"{checkout.name}: no end after {DEADLINE_S} s", file=sys.stderr)
        return []
    if done.returncode not in (0, 3) or "Traceback" in done.stderr:
        print(f"{checkout.name}: {done.stderr.strip()}", file=sys.stderr)
    if done.returncode:
        return []
    commit, found = commit_of(checkout), json.loads(done.stdout)["findings"]
    return [{"repo": checkout.name.replace("+", "/"), "commit": commit, "target": target, **one} for one in found]


def speaks_of(checkout: Path, target: str) -> bool:
    """Return whether a project has the target's vendor in mind: no one holds CUDA-only code against an AMD part."""
    if not target.startswith("mi"):
        return not checkout.name.startswith("ROCm+")
    names = ("README.md", "README.rst", "setup.py", "pyproject.toml", "CMakeLists.txt")
    texts = [path.read_text(errors="replace").lower() for name in names if (path := checkout / name).is_file()]
    return any(word in text for text in texts for word in ("rocm", "amdgpu", "mi300", "hipcc"))


def key(one: Finding) -> tuple[object, ...]:
    """Return what a label and a finding are joined by."""
    return one["repo"], one["path"], one["line"], one["rule"]


def per_rule(found: list[Finding], count: int) -> list[Finding]:
    """Return up to ``count`` findings of each rule, by turns from each repository, chosen by the fixed seed."""
    chosen: list[Finding] = []
    for rule in sorted({str(one["rule"]) for one in found}):
        dice = random.Random(f"{SEED}:{rule}")  # noqa: S311  (a repeatable choice)
        piles: dict[object, list[Finding]] = {}
        for one in found:
            if one["rule"] == rule:
                piles.setdefault(one["repo"], []).append(one)
        queues = [dice.sample(pile, len(pile)) for _, pile in sorted(piles.items(), key=lambda item: str(item[0]))]
        dice.shuffle(queues)
        turns = [queue[turn] for turn in range(max(map(len, queues))) for queue in queues if turn < len(queue)]
        chosen += turns[:count]
    return chosen


def one_target_each(found: list[Finding]) -> list[Finding]:
    """Return each place once; of several targets that it was found for, one by the fixed seed."""
    places: dict[tuple[object, ...], list[Finding]] = {}
    for one in found:
        places.setdefault(key(one), []).append(one)
    dice = random.Random(SEED)  # noqa: S311  (a repeatable choice)
    return [dice.choice(same) for same in places.values()]


def main() -> None:
    """Lint every checkout, then sample or score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", action="append", help=f"default: {', '.join(TARGETS)}")
    parser.add_argument("--sample", type=int, help="print so many findings chosen by a fixed seed")
    parser.add_argument("--per-rule", type=int, help="print up to so many findings of each rule")
    parser.add_argument("--labels", type=Path, action="append", help="JSON lines with a label per finding")
    parser.add_argument("--mark", action="store_true", help="write into the label files which findings still stand")
    parser.add_argument("--times", action="store_true", help="print the seconds that each repository took per target")
    parser.add_argument("-o", "--output", type=Path, help="write every finding here, as JSON lines")
    words = parser.parse_args()
    everything: list[Finding] = []
    for checkout in sorted(path for path in words.folder.iterdir() if path.is_dir()):
        targets = words.target or OWN_TARGETS.get(checkout.name, TARGETS)
        targets = [target for target in targets if speaks_of(checkout, target)]
        began = time.perf_counter()
        for target in targets:
            everything += findings_of(checkout, target)
        if words.times and targets:
            print(f"{(time.perf_counter() - began) / len(targets):8.2f} s {checkout.name}", flush=True)
    found = one_target_each(everything)
    counts: dict[object, int] = {}
    for one in found:
        counts[one["rule"]] = counts.get(one["rule"], 0) + 1
    print(
        f"{len(found)} findings",
        *(f"{count:>6} {rule}" for rule, count in sorted(counts.items(), key=lambda x: -x[1])),
        sep="\n",
    )
    if words.output:
        words.output.write_text("".join(json.dumps(one) + "\n" for one in found))
    if words.sample:
        for one in random.Random(SEED).sample(found, min(words.sample, len(found))):  # noqa: S311  (a repeatable choice)
            print(json.dumps(one))
    for one in per_rule(found, words.per_rule) if words.per_rule else ():
        print(json.dumps(one))
    standing_keys = {key(one) for one in found}
    for path in words.labels or ():
        labels = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        standing = [one for one in labels if key(one) in standing_keys]
        right = sum(1 for one in standing if one["label"])
        share = right / max(len(standing), 1)
        if words.mark:
            marked = [{**one, "stands": key(one) in standing_keys} for one in labels]
            path.write_text("".join(json.dumps(one) + "\n" for one in marked))
        print(f"{path}: {len(standing)} of {len(labels)} labelled findings stand, {right} true ({share:.1%})")


if __name__ == "__main__":
    main()
