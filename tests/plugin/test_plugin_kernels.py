"""The fixture parity_kernels in runs of its own: outcomes, and what its presence costs a run without it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

FAKE = """
import sys, types
from types import SimpleNamespace as Some
class Profile:
    def __init__(self, activities): pass
    def __enter__(self): return self
    def __exit__(self, *_): return None
    def events(self): return [Some(name="void pytorch_flash::flash_fwd_kernel<T>(P)", device_type="DeviceType.CUDA")]
torch = types.ModuleType("torch")
torch.profiler = Some(profile=Profile, ProfilerActivity=Some(CPU=0, CUDA=1), supported_activities=lambda: {0, 1})
torch.cuda = Some(is_available=lambda: True, is_initialized=lambda: False)
sys.modules["torch"] = torch
"""
TESTS = """
def test_kept(parity_kernels):
    with parity_kernels:
        parity_kernels.expect("torch-flash")

def test_replaced(parity_kernels):
    parity_kernels.expect("flash-attn-3")
    with parity_kernels:
        pass

def test_never_recorded(parity_kernels):
    parity_kernels.expect("flash-attn-3")

def test_noted(parity_kernels):
    with parity_kernels as ran:
        pass
    ran.expect("flash-attn-3", on_mismatch="annotate")
"""


def test_a_replaced_backend_fails_its_test(pytester: pytest.Pytester, gate: Callable[..., pytest.RunResult]) -> None:
    pytester.makeconftest(FAKE)
    pytester.makepyfile(TESTS)
    result = gate("-v", "--junit-xml=out.xml", child=True)
    result.assert_outcomes(passed=3, failed=1, errors=1, warnings=1)
    result.stdout.fnmatch_lines([
        "*parity_kernels: flash-attn-3 did not run; what ran: 1 x pytorch_flash::flash_fwd_kernel<T> (FlashAttention 2 of torch)",
    ])  # fmt: skip
    assert '<property name="parity_kernels" value="flash-attn-3 did not run' in (pytester.path / "out.xml").read_text()


def test_without_the_fixture_nothing_of_it_is_imported(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile("def test_a(): pass")
    code = (
        "import pytest, sys; pytest.main(['-q', '-p', 'pytest_parity.plugin', '-p', 'no:cacheprovider']);"
        "print(*sorted(n for n in sys.modules if n.startswith('pytest_parity')))"
    )
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=pytester.path)
    assert done.stdout.splitlines()[-1] == "pytest_parity pytest_parity.plugin"
