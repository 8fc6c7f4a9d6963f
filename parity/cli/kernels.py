"""Knows ``parity kernels``: the device code of installed kernel libraries, and what of it runs on the target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from parity import session
from parity.binaries import packages
from parity.binaries.inventory import Stocktaking
from parity.binaries.process import read_process
from parity.catalog import store
from parity.cli import kernels_process, kernels_tuned, options
from parity.config.targets import target_or_default
from parity.errors import NothingToJudgeError, UnknownNameError, UsageError
from parity.inputs import near_names
from parity.model.absent import value_of
from parity.model.arch import AmdArch, NvidiaArch, parse_arch
from parity.model.coverage import KernelsReport, RunsOn
from parity.reports import kernels_text
from parity.verdict.kernels import kernels_report

if TYPE_CHECKING:
    import argparse

    from parity.binaries.process import Process
    from parity.model.code_objects import Inventory
    from parity.model.device import Device
    from parity.model.fingerprint import Fingerprint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "what",
        nargs="*",
        metavar="PATH|PACKAGE",
        help="a library, folder or wheel, or an installed package; without any, everything that is installed here",
    )
    parser.add_argument(
        "--pid", type=int, metavar="PID", help="the libraries that this running process has loaded, in a container too"
    )
    options.add_target(parser)
    parser.add_argument("--here", action="store_true", help="judge for the devices of this machine too")
    options.add_fingerprint(parser)
    parser.add_argument(
        "--no-scan",
        dest="scan",
        action="store_false",
        help="read headers only: faster, but code that a library hides in its data is not seen",
    )
    parser.add_argument(
        "--scan", dest="scan", action="store_true", default=True, help="search for hidden code (default)"
    )
    parser.add_argument(
        "--tuned",
        action="store_true",
        help="tell the tuned kernel tables (vLLM, SGLang, AITER, TunableOp, Tensile) instead: which shapes are tuned "
        "for the target, and here",
    )
    options.add_output(parser, ("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    """Report; 0 when everything has code for the device judged, 1 when something lacks it, 3 when nothing was found."""
    if arguments.pid is not None and (arguments.what or arguments.tuned):
        raise UsageError(
            "a process is asked for by itself", where="--pid", mend="leave out the paths, packages and --tuned"
        )
    if arguments.tuned:
        return kernels_tuned.run(arguments)
    target = _target(arguments)
    here = _here(arguments)
    process = None if arguments.pid is None else read_process(arguments.pid)
    inventory = _inventory(arguments.what, process, scan=arguments.scan)
    if not inventory.libraries:
        raise NothingToJudgeError(
            f"no device code in {inventory.files} files"
            + (f", {inventory.unsearched} of them not searched" if inventory.unsearched else ""),
            where=_asked(arguments),
            mend="ask when its kernels are loaded: most libraries are when they are first used"
            if process is not None
            else "check the path or the package; packages that compile at run time hold none",
        )
    report = kernels_report(inventory, store.code_facts(), target=target, here=here)
    if process is not None:
        report = msgspec.structs.replace(report, process=kernels_process.loaded_by(process))
    options.write_reports(arguments, lambda name: _rendered(name, report, inventory, verbose=arguments.verbose))
    return report.exit_status


def _asked(arguments: argparse.Namespace) -> str:
    if arguments.pid is not None:
        return f"process {arguments.pid}"
    return ", ".join(arguments.what[:3]) or "installed packages"


def _rendered(name: str, report: KernelsReport, inventory: Inventory, *, verbose: bool) -> str:
    if name == "json":
        return session.as_json(report).decode()
    width, _, ascii_only = options.terminal()
    text = kernels_text.render(report, inventory, verbose=verbose, width=width)
    return text.encode("ascii", "replace").decode() if ascii_only else text


def _target(arguments: argparse.Namespace) -> RunsOn | None:
    """Return the device to judge for: an architecture (``sm_103``), or a target as everywhere.

    Raises:
        UnknownNameError, UsageError: it is neither.
    """
    named = arguments.target
    if named is not None and isinstance(parse_arch(named), (NvidiaArch, AmdArch)):
        return _architecture(named)
    project = session.project_of(arguments.config)
    target = target_or_default(named, project, source="--target")
    if target is None:
        return None
    reference = target.reference
    return RunsOn(arch=target.spec.arch, driver_cuda="" if reference is None else _driver_cuda(reference))


def _architecture(named: str) -> RunsOn:
    found = parse_arch(named)
    if isinstance(found, NvidiaArch) and (found.word != "sm" or found.suffix):
        plain = f"sm_{found.major}{found.minor}"
        raise UsageError(f"{named} is code, not a device", where="--target", mend=f"give the device's own: {plain}")
    if isinstance(found, AmdArch) and found.processor.endswith("-generic"):
        raise UsageError(f"{named} is code, not a device", where="--target", mend="give a processor: gfx942")
    return RunsOn(arch=str(found))


def _here(arguments: argparse.Namespace) -> tuple[RunsOn, ...]:
    """Return the architectures of this machine's devices, or of the fingerprint's, each once.

    Raises:
        NothingToJudgeError: asked for, and no device tells its architecture.
    """
    if not arguments.here and arguments.fingerprint is None:
        return ()
    fingerprint = session.fingerprint_of(arguments.fingerprint)
    cuda = _driver_cuda(fingerprint)
    found = dict.fromkeys(arch for arch in (_arch(device) for device in fingerprint.visible_devices) if arch)
    if not found:
        told = "; ".join(note.text for note in fingerprint.notes) or "no device was read"
        raise NothingToJudgeError(told, where="--here", mend="give a saved fingerprint: --fingerprint FILE")
    return tuple(RunsOn(arch=arch, driver_cuda=cuda if arch.startswith("sm_") else "") for arch in found)


def _arch(device: Device) -> str:
    capability, gfx = value_of(device.identity.compute_capability), value_of(device.identity.gfx_target)
    return gfx or ("" if capability is None else "sm_" + capability.replace(".", ""))


def _driver_cuda(fingerprint: Fingerprint) -> str:
    reading = fingerprint.stack.components.get("cuda_driver")
    return "" if reading is None else value_of(reading) or ""


def _inventory(words: list[str], process: Process | None, *, scan: bool) -> Inventory:
    stock = Stocktaking(scan=scan)
    if process is not None:
        stock.add_process(process)
        return stock.inventory()
    folders = packages.site_folders()
    if not words:
        for folder in folders:
            stock.add_path(folder)
    for word in words:
        if Path(word).exists():
            stock.add_path(word)
            continue
        found = packages.installed(folders, only=word)
        if not found:
            raise UnknownNameError(
                f"{word!r} is neither a path nor an installed package",
                close=near_names(packages.folded(word), packages.names(folders)),
                mend="check the name, or give the path of a library, folder or wheel",
            )
        stock.add_package(found[0])
    return stock.inventory()
