"""Knows the stub driver libraries that tests of the real bindings share, and how property tests draw.

Property tests draw the same examples in every run, so that a change is never blamed for what it did not do.
`HYPOTHESIS_PROFILE=random` draws new ones: the nightly workflow does, and whoever goes looking.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.stubs import patience
from tests.stubs.build import build, compiler

if TYPE_CHECKING:
    from collections.abc import Iterator

patience.install()

# How fast the machine is must not decide: no deadline for an example, no complaint that drawing one was slow.
_TIMELESS: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("repeatable", derandomize=True, database=None, **_TIMELESS)
settings.register_profile("random", derandomize=False, **_TIMELESS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


# Under nohup, or behind a shell's `&`, Ctrl-C is ignored, and what tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests away from the cache of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARITY_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _hangs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give stubs the folder in which they say that they hang."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUB_HANGS", str(tmp_path_factory.mktemp("hangs")))
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
