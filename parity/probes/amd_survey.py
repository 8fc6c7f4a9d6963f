"""Knows the order in which AMD GPUs are asked: the kernel's files first, then amdsmi if there is a GPU to ask."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from parity.probes import amd_sysfs
from parity.probes.small_files import Tree, reason

if TYPE_CHECKING:
    from parity.probes.ask import Ask


def survey(ask: Ask, options: dict[str, Any]) -> None:
    """Ask everything about AMD GPUs.

    Args:
        ask: asks and writes down.
        options: ``root``: path prefix of ``/sys``, ``/proc``, ``/dev`` (tests); ``amdsmi``: True always, False never
            calls amdsmi, absent: only when the kernel shows an AMD GPU.
    """
    tree = Tree(options.get("root") or "/")
    seen = amd_sysfs.survey(ask, tree)
    folder = rocm_folder(tree)
    ask("rocm:version", tree_text(folder), classify=reason)
    wanted = options.get("amdsmi")
    if wanted is False or not (seen or wanted):
        return
    from parity.probes import amdsmi_survey

    amdsmi_survey.survey(ask, folder)


def rocm_folder(tree: Tree) -> str:
    """Return where ROCm is installed: ``ROCM_PATH``, else ``ROCM_HOME``, else ``/opt/rocm``."""
    return os.environ.get("ROCM_PATH") or os.environ.get("ROCM_HOME") or tree.at("/opt/rocm")


def tree_text(folder: str) -> Any:
    """Return a question for the version text of the ROCm in ``folder``. By hand: ``cat /opt/rocm/.info/version``."""
    return lambda: Tree(folder).text("/.info/version")
