"""Knows what torch's Python part says about devices: which code of its release runs; its attention is chosen in C++."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from parity.backends import names
from parity.backends.question import Question, answered, unknown
from parity.backends.values import FunctionValue, GiveUpError, Symbol, Unknown
from parity.model.arch import NvidiaArch, parse_arch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.backends.evaluate import Evaluator
    from parity.backends.machine import AskedMachine
    from parity.backends.source import SourceTree
    from parity.backends.values import Value
    from parity.model.backends import BackendAnswer

_CUDA, _VERSION = "torch.cuda", "torch.version"
_IN_CPP = "torch chooses in its C++ library (sdp_utils), which its Python source does not show"


def questions(tree: SourceTree) -> Iterator[Question]:
    """Yield the questions that the installed version answers."""
    if not tree.has(_CUDA):
        return
    yield Question(
        "torch", "scaled_dot_product_attention", "the kernel of SDPA", "libtorch", partial(unknown, why=_IN_CPP)
    )
    where = f"{tree.label(_CUDA)}: DEVICE_REQUIREMENT, PYTORCH_RELEASES_CODE_CC"
    asked = "code of this release that runs, after torch's own tables for x86_64"
    yield Question("torch", "release's own code", asked, where, partial(_code, tree))


def built_cuda(tree: SourceTree) -> str:
    """Return the CUDA that the installed torch says it was built with (``12.8``); empty when it does not say."""
    try:
        bindings = tree.module(_VERSION).names.get("cuda", [])
    except GiveUpError:
        return ""
    value = getattr(getattr(bindings[-1].node, "value", None), "value", None) if bindings else None
    return value if isinstance(value, str) else ""


def _code(tree: SourceTree, machine: AskedMachine) -> BackendAnswer:
    device = parse_arch(machine.arch)
    if not isinstance(device, NvidiaArch):
        return unknown(machine, "torch's tables are for NVIDIA devices")
    if not machine.cuda:
        return unknown(machine, "the CUDA that torch is built with is not known")

    def start(run: Evaluator) -> Value:
        releases = names.lookup(run, _CUDA, "PYTORCH_RELEASES_CODE_CC")
        runs = names.lookup(run, _CUDA, "_code_compatible_with_device")
        if not isinstance(releases, dict) or not isinstance(runs, FunctionValue):
            return Unknown("PYTORCH_RELEASES_CODE_CC")
        listed = releases.get(machine.cuda)
        codes = listed.get("x86_64") if isinstance(listed, dict) else None
        if not isinstance(codes, list):
            return Unknown(f"the code of a build with CUDA {machine.cuda}")
        fit = []
        for code in codes:
            answer = run.call(runs, [device.major * 10 + device.minor, code], {}, "whether code runs")
            if not isinstance(answer, bool):
                return Unknown("whether code runs")
            if answer:
                fit.append(code)
        return f"sm_{max(fit)}" if fit else Symbol("none")

    return answered(tree, machine, start, {"torch.version.cuda": machine.cuda})
