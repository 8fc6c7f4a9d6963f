"""Measures how often the linter is right on code nobody here wrote: ``lint_precision.py FOLDER --labels FILE``.

FOLDER holds one checkout per repository (``owner+name``), its commit in ``owner+name.commit`` or in its git folder.
Each checkout is linted for each target; ``--sample N`` prints N findings chosen by a fixed seed, for labelling by hand.
With ``--labels`` the labelled findings are looked up: which still stand, and how many of those are true.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

SEED = 20261122
TARGETS = ("h100", "mi300x", "b200", "l40s", "mi355x")
# A project that says which GPU it is for is held against that.
OWN_TARGETS = {"noonghunna+club-3090": ("rtx-3090",)}


def commit_of(checkout: Path) -> str:
    """Return the commit of a checkout, empty when nothing says."""
    beside = checkout.with_name(f"{checkout.name}.commit")
    if beside.is_file():
        return beside.read_text().strip()
    done = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def findings_of(checkout: Path, target: str) -> list[dict[str, object]]:
    """Return the findings of one checkout for one target."""
    words = [
        sys.executable,
        "-m",
        "parity.cli.main",
        "lint",
        ".",
        "--target",
        target,
        "--format",
        "json",
        "--exit-zero",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=checkout)
    if done.returncode not in (0, 3):
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


def key(one: dict[str, object]) -> tuple[object, ...]:
    """Return what a label and a finding are joined by."""
    return one["repo"], one["path"], one["line"], one["rule"]


def main() -> None:
    """Lint every checkout, then sample or score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", action="append", help="default: h100, mi300x, b200, l40s, mi355x")
    parser.add_argument("--sample", type=int, help="print so many findings chosen by a fixed seed")
    parser.add_argument("--labels", type=Path, action="append", help="JSON lines with a label per finding")
    parser.add_argument("-o", "--output", type=Path, help="write every finding here, as JSON lines")
    words = parser.parse_args()
    unique: dict[tuple[object, ...], dict[str, object]] = {}
    for checkout in sorted(path for path in words.folder.iterdir() if path.is_dir()):
        for target in words.target or OWN_TARGETS.get(checkout.name, TARGETS):
            if not speaks_of(checkout, target):
                continue
            for one in findings_of(checkout, target):
                unique.setdefault(key(one), one)
    found = list(unique.values())
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
    for path in words.labels or ():
        labels = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        standing = [one for one in labels if key(one) in unique]
        right = sum(1 for one in standing if one["label"])
        share = right / max(len(standing), 1)
        print(f"{path}: {len(standing)} of {len(labels)} labelled findings stand, {right} true ({share:.1%})")


if __name__ == "__main__":
    main()
