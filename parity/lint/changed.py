"""Knows which lines changed since a revision, as git tells it."""

from __future__ import annotations

import os
import re
import subprocess

from parity.errors import UsageError

_FILE = re.compile(r"\+\+\+ (?:\"?b/(.*?)\"?|/dev/null)\t?$")
_HUNK = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
GIT_SECONDS = 120
# what git says -> the mend
MENDS = {
    "not a git repository": "run it on a folder inside a git repository, or leave --diff out to see all findings",
    "dubious ownership": "the repository is somebody else's: `git config --global --add safe.directory FOLDER`",
}
OTHER_MEND = "give a revision of this repository; in CI fetch it first (a checkout of depth 1 has no other)"


def changed_lines(revision: str, folder: str = ".") -> dict[str, list[tuple[int, int]] | None]:
    """Return real path -> first and last line of each change; None of a file that git does not know yet.

    The whole repository around the folder is told, so that a run from one of its folders misses nothing.

    Raises:
        UsageError: no git, no repository, or no such revision.
    """
    if revision.startswith("-"):
        raise UsageError(f"{revision!r} is no revision", where="--diff", mend="give a branch, tag or commit")
    top = _git(["rev-parse", "--show-toplevel"], folder).removesuffix("\n")
    # A prefix or a missing one in the user's settings would make other paths.
    names = ["--src-prefix=a/", "--dst-prefix=b/", "--no-relative"]
    text = _git(["diff", "--no-color", "--no-ext-diff", *names, "-U0", revision, "--"], top)
    found: dict[str, list[tuple[int, int]] | None] = {}
    path = ""
    for line in text.split("\n"):
        file, hunk = _FILE.match(line), _HUNK.match(line)
        if file:
            path = _real(top, file[1]) if file[1] else ""
        elif hunk and path:
            first, count = int(hunk[1]), int(hunk[2] if hunk[2] is not None else 1)
            ranges = found.setdefault(path, [])
            if count and ranges is not None:
                ranges.append((first, first + count - 1))
    for name in _git(["ls-files", "-z", "--others", "--exclude-standard"], top).split("\0"):
        if name:
            found[_real(top, name)] = None
    return found


def _real(top: str, name: str) -> str:
    return os.path.realpath(os.path.join(top, name))  # noqa: PTH118


def touches(changes: dict[str, list[tuple[int, int]] | None], path: str, first: int, last: int) -> bool:
    """Return whether lines of a file are among the changed ones.

    >>> touches({"a": [(3, 5)], "new": None}, "a", 5, 9), touches({"a": [(3, 5)]}, "a", 6, 9)
    (True, False)
    """
    if path not in changes:
        return False
    ranges = changes[path]
    return ranges is None or any(start <= last and first <= end for start, end in ranges)


def _git(words: list[str], folder: str) -> str:
    command = ["git", "-c", "core.quotePath=false", "-C", folder, *words]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=GIT_SECONDS, check=False, env=environment, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise UsageError(f"git cannot be run: {error}", where="--diff", mend="install git") from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().split("\n")[0][:200]
        mend = next((told for said, told in MENDS.items() if said in reason), OTHER_MEND)
        raise UsageError(f"git says: {reason}", where="--diff", mend=mend)
    return done.stdout.decode(errors="replace")
