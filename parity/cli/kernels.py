"""Knows ``parity kernels``: the device code of installed kernel libraries, and what of it runs on the target."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from parity import session
from parity.binaries import packages
from parity.binaries.built_here import Built, built_here
from parity.binaries.inventory import Stocktaking
from parity.binaries.process import read_process
from parity.catalog import store
from parity.cli import kernels_backends, kernels_devices, kernels_process, kernels_resources, kernels_tuned, options
from parity.errors import NothingToJudgeError, UnknownNameError, UsageError
from parity.inputs import near_names
from parity.reports import kernels_text
from parity.units import plural
from parity.verdict.kernels import kernels_report

if TYPE_CHECKING:
    import argparse

    from parity.binaries.process import Process
    from parity.model.code_objects import Inventory
    from parity.model.coverage import KernelsReport, PackageVerdict


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
    parser.add_argument(
        "--here",
        nargs="?",
        const="",
        metavar="D",
        help="judge for the devices of this machine too; with --resources also for a named one: rtx-4090, sm_89",
    )
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
    parser.add_argument(
        "--backends",
        action="store_true",
        help="tell the backends that installed packages (vLLM, SGLang, FlashInfer, Transformer Engine, torch) choose "
        "on the target and here instead, evaluated from their own source",
    )
    parser.add_argument(
        "--built",
        action="store_true",
        help="only what was built here, or came from no package index: such code is for the GPUs of its builder",
    )
    kernels_resources.add_arguments(parser)
    options.add_output(parser, ("text", "json", "html"))


def run(arguments: argparse.Namespace) -> int:
    """Report; 0 when everything has code for the device judged, 1 when something lacks it, 3 when nothing was found."""
    named = arguments.here
    if named and not arguments.resources:  # `parity kernels --here torch`: the word is what to look at
        arguments.what.append(named)
    arguments.here = named is not None
    if arguments.pid is not None and (arguments.what or _another_question(arguments)):
        raise UsageError(
            "a process is asked for by itself", where="--pid", mend="leave out paths, packages and other questions"
        )
    if "html" in (arguments.format or ()) and (arguments.tuned or arguments.backends or arguments.resources):
        asked = "tuned tables" if arguments.tuned else "backends" if arguments.backends else "what kernels need"
        raise UsageError(f"there is no page of {asked}", where="--format html", mend="use text or json")
    if arguments.tuned:
        return kernels_tuned.run(arguments)
    target = kernels_devices.target_of(arguments)
    if arguments.resources:
        mine = (
            (kernels_devices.device_of(named, arguments, source="--here"),)
            if named
            else kernels_devices.here_of(arguments)
        )
        return kernels_resources.run(arguments, target, mine[0] if mine else None)
    here = kernels_devices.here_of(arguments)
    if arguments.backends:
        return kernels_backends.run(arguments, target, here)
    built = _built(arguments) if arguments.built else None
    process = None if arguments.pid is None else read_process(arguments.pid)
    if built is not None:
        inventory = _inventory_of(built, arguments)
    else:
        inventory = _inventory(arguments.what, process, scan=arguments.scan)
    loaded = None if process is None else kernels_process.loaded_by(process)
    if not inventory.libraries and not (loaded is not None and loaded.findings):
        raise NothingToJudgeError(
            f"no device code in {plural(inventory.files, 'file')}"
            + (f", {inventory.unsearched} of them not searched" if inventory.unsearched else ""),
            where="what was built here" if arguments.built else _asked(arguments),
            mend="ask when its kernels are loaded: most libraries are when they are first used"
            if process is not None
            else "check the path or the package; packages that compile at run time hold none",
        )
    known = store.stack_facts().libraries
    report = kernels_report(inventory, store.code_facts(), target=target, here=here, known=known)
    if built is not None:
        report = msgspec.structs.replace(report, packages=tuple(_with_reason(one, built) for one in report.packages))
    if loaded is not None:
        report = msgspec.structs.replace(report, process=loaded)
    options.write_reports(arguments, lambda name: _rendered(name, report, inventory, verbose=arguments.verbose))
    return report.exit_status


def _asked(arguments: argparse.Namespace) -> str:
    if arguments.pid is not None:
        return f"process {arguments.pid}"
    return ", ".join(arguments.what[:3]) or "installed packages"


def _rendered(name: str, report: KernelsReport, inventory: Inventory, *, verbose: bool) -> str:
    if name == "json":
        return session.as_json(report).decode()
    if name == "html":
        from parity.reports.html import kernels

        return kernels.render(report)
    width, _, ascii_only = options.terminal()
    text = kernels_text.render(report, inventory, verbose=verbose, width=width)
    return text.encode("ascii", "replace").decode() if ascii_only else text


def _another_question(arguments: argparse.Namespace) -> bool:
    return bool(arguments.tuned or arguments.backends or arguments.built or arguments.resources)


def _built(arguments: argparse.Namespace) -> list[Built]:
    """Return what was built here.

    Raises:
        UsageError: paths or packages were named too.
    """
    if arguments.what:
        raise UsageError("--built looks through what is installed", where="--built", mend="name no path or package")
    return built_here(packages.site_folders(), os.environ)


def _inventory_of(built: list[Built], arguments: argparse.Namespace) -> Inventory:
    stock = Stocktaking(scan=arguments.scan)
    folders = packages.site_folders()
    for one in built:
        if one.folder:
            stock.add_path(one.folder)
        else:
            for package in packages.installed(folders, only=one.name):
                stock.add_package(package)
    return stock.inventory()


def _with_reason(package: PackageVerdict, built: list[Built]) -> PackageVerdict:
    """Return a package's verdict with what tells that it was built here."""
    name = packages.folded(package.package)
    why = [
        one.why
        for one in built
        if (package.package.startswith(one.folder) if one.folder else packages.folded(one.name) == name)
    ]
    return msgspec.structs.replace(package, told=(*package.told, *why[:1]))


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
