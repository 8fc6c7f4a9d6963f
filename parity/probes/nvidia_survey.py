"""Knows the order of the NVIDIA survey: files first (they never hang), then NVML, then libcuda."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.probes.cuda_survey import survey_cuda
from parity.probes.nvidia_files import survey_files
from parity.probes.nvml_survey import survey_nvml

if TYPE_CHECKING:
    from parity.probes.ask import Ask


def survey(ask: Ask, options: dict[str, Any]) -> None:
    """Ask everything that can be asked about NVIDIA GPUs without a CUDA context.

    Args:
        ask: writes questions and answers.
        options: ``root`` (prefix of ``/proc`` and ``/sys``, default ``/``), ``skip`` (key -> why an earlier child lost
            it), ``cuda`` (false: leave libcuda alone).
    """
    survey_files(ask, str(options.get("root") or "/"))
    skip = options.get("skip") or {}
    survey_nvml(ask, skip)
    if options.get("cuda", True):
        survey_cuda(ask, skip)
