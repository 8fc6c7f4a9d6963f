"""Knows the stub driver libraries that tests of the real bindings share."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.stubs.build import build, compiler

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests away from the cache of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARITY_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def stub_libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the stub libnvidia-ml.so.1 and libcuda.so.1.

    Skips where a developer has no C compiler; in CI that would hide every test of the real bindings, so it fails.
    """
    if compiler() is None:
        told = "no C compiler to build the stub driver libraries with"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    return build(tmp_path_factory.mktemp("stubs"))
