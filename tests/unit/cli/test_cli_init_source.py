"""Where a workflow installs from: nothing private, nothing that a shell would read as something else."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

import pytest

from parity.cli.init_source import UNKNOWN, source, source_in

SHA = "0123456789abcdef" * 2 + "01234567"


def told(url: str = "https://github.com/a/gpu-parity.git", **vcs: str) -> str:
    return json.dumps({"url": url, "vcs_info": {"vcs": "git", "commit_id": SHA, **vcs}})


def test_the_commit_that_this_was_installed_from(monkeypatch: pytest.MonkeyPatch) -> None:
    class Distribution:
        def read_text(self, name: str) -> str:
            assert name == "direct_url.json"
            return told(requested_revision="main")

    monkeypatch.setattr(metadata, "distribution", lambda name: Distribution())
    assert source() == f"git+https://github.com/a/gpu-parity.git@{SHA}"


def test_what_is_not_installed_has_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", gone)
    assert source() == UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '{"url": "https://x/y"}', '{"url": "file:///home/me/x", "dir_info": {"editable": true}}',
        told("https://user:secret@github.com/a/b"), told("ssh://git@github.com/a/b"), told("file:///home/me/b"),
        told('https://x/y"; touch pwned; "'), told("https://x/$(id)"), told("https://x/a b"), told("https://x/y\n- run: z"),
        told(commit_id="main"), told(commit_id=SHA[:7]), told(vcs="hg"), told("https://x/\udcff"),
    ],
)  # fmt: skip
def test_what_is_no_plain_commit_is_left_to_fill_in(text: str) -> None:
    assert source_in(text) == UNKNOWN
