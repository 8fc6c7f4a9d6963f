"""Knows the options and markers, and whether anything is asked for; until it is, nothing else is imported.

This folder has no ``__init__.py``, on purpose. pytest rewrites the asserts of every package of a distribution with an
entry point, and a folder without that file is not one to it: the active gate is imported in 4 ms instead of 12, and
of 26 where byte code cannot be written. The word PYTEST_DONT_REWRITE does the same, less well, in an editable install.
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_parity.kernels import Kernels
    from pytest_parity.roofline import Roofline
    from pytest_parity.verdict import Verdict

GATE = "parity-gate"
"""Name under which the active gate is registered."""
RECORDED = "parity-records"
"""Name under which what becomes of perf tests is recorded, in the process that has the terminal."""
LATE = "parity_late"
"""Key of an xdist worker's output: a marker names a target where the run has none."""

_MARKERS = {
    "parity": "parity(target=NAME, require=LEVEL, mode=MODE, conditions=WHAT, rules=[NAME, ...], off=BOOL): judge this "
    "perf test with settings of its own; parity(off=True) leaves it alone.",
    "perf": "perf: a perf test, gated by --parity-target.",
    "performance": "performance: a perf test, gated by --parity-target.",
}
# Any spelling of the table tool.parity; what it really is, parsing decides.
_SECTION = re.compile(
    rb"^[ \t]*(?:\[{1,2}[ \t]*[\"']?tool[\"']?[ \t]*\.[ \t]*[\"']?parity[\"']?[ \t]*[.\]]"
    rb"|[\"']?tool[\"']?[ \t]*(?:\.[ \t]*[\"']?parity[\"']?[ \t]*[.=]|=[ \t]*\{[^\n]*parity)"
    rb"|[\"']?parity[\"']?[ \t]*(?:\.|=[ \t]*\{))",
    re.MULTILINE,
)
_HOOKS = ("pytest_parity_classify", "pytest_parity_verdict")
_ASKING_OPTIONS = ("parity_target", "parity_fingerprint", "parity_config")
_ASKING_VARIABLES = ("PARITY_TARGET", "PARITY_FINGERPRINT", "PARITY_CONFIG")
_OTHER_OPTIONS = (
    "parity_mode",
    "parity_require",
    "parity_conditions",
    "parity_require_measured",
    "parity_report",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ``--parity-*`` options; values are checked later, so that a message can name their source."""
    group = parser.getgroup("parity", "gate perf tests on the declared production GPU")
    for name, metavar, text in (
        ("target", "NAME", "production GPU: h100, 8xh100, a target of parity.yaml, a file (PARITY_TARGET)"),
        ("mode", "MODE", "perf tests off target: fail (default), skip, xfail, annotate, off (PARITY_MODE)"),
        ("require", "LEVEL", "least level: identical, equivalent, same-arch, same-vendor, different (PARITY_REQUIRE)"),
        ("fingerprint", "FILE", "judge this saved fingerprint, not this machine (PARITY_FINGERPRINT)"),
        ("config", "FILE", "target file, in place of rootdir's parity.yaml (PARITY_CONFIG)"),
        ("conditions", "WHAT", "disturbed during a perf test: annotate (default), fail, off (PARITY_CONDITIONS)"),
    ):
        group.addoption(f"--parity-{name}", dest=f"parity_{name}", metavar=metavar, default=None, help=text)
    group.addoption(
        "--parity-require-measured",
        dest="parity_require_measured",
        action="store_true",
        default=False,
        help="fail the run when no perf test was measured on the target (PARITY_REQUIRE_MEASURED=1)",
    )
    group.addoption(
        "--parity-report",
        dest="parity_report",
        metavar="FILE",
        action="append",
        default=None,
        help="write the run's report here, format by suffix: .json, .md, .html, .sarif; repeatable",
    )
    group.addoption(
        "--parity-junit",
        dest="parity_junit",
        choices=("on", "off"),
        default="on",
        help="add parity properties to the JUnit file: of the suite and of perf tests that ran (default: on)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; with a target in sight, set up the gate."""
    known = {line.partition(":")[0].partition("(")[0].strip() for line in config.getini("markers")}
    for name, line in _MARKERS.items():
        if name not in known:
            config.addinivalue_line("markers", line)
    if any(hasattr(config.hook, name) for name in _HOOKS):  # a conftest implements one
        add_hookspecs(config)
    if _switched_off(config):
        return
    asked = _asks_to_judge(config)
    if asked or any(config.getoption(name) for name in _OTHER_OPTIONS):
        from pytest_parity.install import install

        install(config, judge=asked)


def add_hookspecs(config: pytest.Config) -> None:
    """Make the hooks for other plugins known; until somebody needs them they are not even imported."""
    if not hasattr(config.hook, _HOOKS[0]) or config.hook.pytest_parity_classify.spec is None:
        from pytest_parity import hookspecs

        config.pluginmanager.add_hookspecs(hookspecs)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Set up the gate late for a marker that names a target where nothing else asked: never ignore it."""
    config = session.config
    if config.pluginmanager.has_plugin(GATE) or _switched_off(config) or config.getoption("collectonly"):
        return
    if _some_marker_names_a_target(session.items):
        from pytest_parity.install import install_late

        install_late(session)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Listen to xdist workers where nothing asked: which markers name a target is seen by workers only."""
    config = node.config
    is_set_up = any(config.pluginmanager.has_plugin(name) for name in (GATE, RECORDED, "parity-late"))
    if not is_set_up and not _switched_off(config):
        config.pluginmanager.register(_Late(config), "parity-late")


class _Late:
    """Sets up, in the process that has the terminal, what tells of perf tests, when a worker has one."""

    def __init__(self, config: pytest.Config) -> None:
        """Set up nothing yet; the run's clock starts."""
        self._config = config
        self._started = time.time()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the first report of a perf test for a sign."""
        if hasattr(report, "parity"):
            self._set_up("pytest_runtest_logreport", report=report)

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take the worker's word: a test whose marker names a target may have had no report of ours."""
        if LATE in getattr(node, "workeroutput", ()):
            self._set_up("pytest_testnodedown", node=node, error=error)

    def _set_up(self, hook: str, **arguments: object) -> None:
        """Register what tells of perf tests, and pass on the call under way, which no longer reaches it."""
        from pytest_parity.install import install_at_controller

        manager = self._config.pluginmanager
        manager.unregister(self)
        before = manager.get_plugins()
        install_at_controller(self._config, self._started)
        manager.subset_hook_caller(hook, before)(**arguments)


def _switched_off(config: pytest.Config) -> bool:
    mode = config.getoption("parity_mode")
    return (os.environ.get("PARITY_MODE") if mode is None else mode) == "off"


def _asks_to_judge(config: pytest.Config) -> bool:
    """Tell whether options, environment or the project ask; nothing is parsed, the engine does that."""
    if any(config.getoption(name) is not None for name in _ASKING_OPTIONS):
        return True
    if any(os.environ.get(name) for name in _ASKING_VARIABLES):
        return True
    if hasattr(config, "workerinput") and "parity" in config.workerinput:
        return True
    return _project_asks(config.rootpath)


def _project_asks(start: Path) -> bool:
    """Tell whether a project file lies at or above the root folder, not leaving the repository; the engine reads it."""
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in ("parity.yaml", "parity.yml")):
            return True
        try:
            if _SECTION.search((folder / "pyproject.toml").read_bytes()):
                return True
        except OSError:
            pass
        if (folder / ".git").exists():
            return False
    return False


def _some_marker_names_a_target(items: Iterable[pytest.Item]) -> bool:
    seen = set()
    for item in items:
        node: Any = item
        while node is not None and node not in seen:
            if any(mark.name == "parity" and "target" in mark.kwargs for mark in node.own_markers):
                return True
            seen.add(node)
            node = node.parent
    return False


@pytest.fixture
def parity_verdict(request: pytest.FixtureRequest) -> Verdict:
    """Give the verdict that holds for this test: outcome, level, passed, headline, transfers; never None."""
    from pytest_parity.fixtures import verdict_of

    return verdict_of(request)


@pytest.fixture(scope="session")
def parity_fingerprint(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Give the fingerprint of this machine as the engine read it (``parity.fingerprint/1``), read-only."""
    from pytest_parity.fixtures import fingerprint_of

    return fingerprint_of(request)


@pytest.fixture(scope="session")
def parity_homogeneous(request: pytest.FixtureRequest) -> None:
    """Fail when the ranks of a torch.distributed run see different hardware, firmware, software or settings."""
    from pytest_parity.fixtures import homogeneous

    homogeneous(request)


@pytest.fixture
def parity_roofline(request: pytest.FixtureRequest) -> Callable[..., Roofline]:
    """Give a function: (seconds=, bytes=, flops=, dtype="bf16") -> shares of this GPU's and the target's peak.

    A time that this GPU cannot reach raises AboveRoofError; strict=False gives it nevertheless.
    """
    from pytest_parity.fixtures import roofline_of

    return roofline_of(request)


@pytest.fixture
def parity_kernels(request: pytest.FixtureRequest) -> Iterator[Kernels]:
    """Give a context manager: which GPU kernels ran in it; ``.expect("flash-attn-3")`` fails when another did."""
    from pytest_parity.kernels import Kernels

    kernels = Kernels(request.node)
    yield kernels
    kernels.finish()
