"""Knows ``parity fleet collect``: one line per node, through the launcher that already runs there."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import sys
from functools import partial
from pathlib import Path

import msgspec

from parity import session
from parity.cli import measuring_options, options
from parity.collect.lines import line_of, problem_line
from parity.collect.place import place
from parity.errors import UsageError
from parity.fleet.documents import Reading, of_line
from parity.inputs import printable
from parity.model.fingerprint import Fingerprint, why_no_device
from parity.model.fleet import Unreadable
from parity.outputs import write_file
from parity.reports.rows import short_reason
from parity.units import plural

TIMEOUT_S = 120.0
MAX_TIMEOUT_S = 7 * 86_400.0
LAUNCHERS = ("auto", "local", "torch", "slurm", "ray")
EXAMPLES = r"""
Under torchrun:    torchrun --nnodes 4 --nproc-per-node 1 ... --no-python \
                       parity fleet collect -o fleet.jsonl
Under Slurm:       srun --ntasks-per-node 1 \
                       parity fleet collect --into /shared/fleet
On a Ray cluster:  parity fleet collect --via ray -o fleet.jsonl
Then:              parity fleet fleet.jsonl --target 8xh100
"""

_BOOT = Path("/proc/sys/kernel/random/boot_id")  # another on each machine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = EXAMPLES + "\n" + (parser.epilog or "")
    parser.add_argument(
        "--via",
        choices=LAUNCHERS,
        default="auto",
        help="how to reach the nodes; auto: torchrun's or Slurm's variables say it, else this node alone",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the lines here (default: standard output)")
    parser.add_argument(
        "--into", metavar="DIR", help="each node writes DIR/NODE.jsonl, a folder that all nodes share; none waits"
    )
    parser.add_argument("--address", default="auto", help="of the Ray cluster (default: auto)")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S, metavar="S", help="for all nodes (default: 120)")
    parser.add_argument(
        "--redact",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="take out unique ids, serial numbers and user names (default); node names stay",
    )
    measuring_options.add_measure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Collect and write; 0, or 1 when a node gave nothing. What the nodes are is for `parity fleet` to judge."""
    measuring_options.refuse_strays(arguments)
    if not 0 < arguments.timeout < MAX_TIMEOUT_S:
        raise UsageError(f"{arguments.timeout:g} s is no time to wait", where="--timeout", mend="for example 300")
    if arguments.via == "ray":
        from parity.collect import ray_tasks

        words = _words(arguments)
        return _write(ray_tasks.collect(arguments.address, words=words, timeout_s=arguments.timeout), arguments)
    if arguments.into is not None and arguments.output:
        raise UsageError("written to one of the two", where="--into, -o", mend="give --into or -o")
    here = place(os.environ)
    via = here.launcher if arguments.via == "auto" else arguments.via
    if via not in (here.launcher, "local"):
        raise UsageError(
            f"not started by {via}: its variables are not set",
            where="--via",
            mend="start it with torchrun" if via == "torch" else "start it with srun",
        )
    if via == "slurm" and here.nodes > 1 and arguments.output:
        raise UsageError(
            f"each of {here.nodes} nodes would write this file over the others'",
            where=f"-o {arguments.output}",
            mend="let each write its own: --into DIR, or let srun gather the lines: srun ... > FILE",
        )
    speaks = via == "local" or here.local_rank == 0
    if arguments.into is not None or via != "torch":
        return _write([_line(here.node, arguments)], arguments, node=here.node) if speaks else 0
    from parity.collect import torch_store

    rank = int(os.environ["RANK"])
    read = partial(_line, here.node, arguments) if speaks else None
    lines = torch_store.exchange(read, here, rank, timeout_s=arguments.timeout)
    return _write(lines, arguments) if rank == 0 else 0


def _line(node: str, arguments: argparse.Namespace) -> bytes:
    """Return this node's line; one that cannot read itself says why, so that nobody waits for it.

    Raises:
        UsageError: the options cannot be meant.
    """
    wish = measuring_options.wish_of(arguments) if arguments.measure else None
    try:
        fingerprint = session.fingerprint_of(None)
        if wish is not None:
            fingerprint, _ = measuring_options.measure_here(fingerprint, wish, session.project_of(None))
        return line_of(node, fingerprint, redact=arguments.redact)
    except Exception as error:  # whatever went wrong is this node's answer
        return problem_line(node, f"{type(error).__name__}: {printable(str(error))}"[:300])


def _words(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the options that every node is to be asked with."""
    if arguments.measure:
        measuring_options.wish_of(arguments)  # a slip is told here, not by every node
    words = [] if arguments.redact else ["--no-redact"]
    words += ["--measure"] if arguments.measure else []
    words += [f"--{name}={value}" for name in ("budget", "only") if (value := getattr(arguments, name))]
    words += [f"--device={number}" for number in arguments.device or ()]
    return (*words, "--busy") if arguments.busy else tuple(words)


def _write(lines: list[bytes], arguments: argparse.Namespace, *, node: str = "") -> int:
    text = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines).decode()
    where = arguments.output
    if arguments.into is not None:
        where = str(Path(arguments.into, _file_name(node or "fleet") + ".jsonl"))
    if where:
        write_file(where, text)
    else:
        options.emit(text)
    read = [of_line(line, f"line {number}") for number, line in enumerate(lines, start=1)]
    problems = [one.why for one in read if isinstance(one, Unreadable)]
    told = f"{plural(len(read) - len(problems), 'node')} collected to {where or 'standard output'}"
    print(f"parity: {told}", file=sys.stderr)
    problems += [why for one in read if isinstance(one, Reading) and (why := _without_gpu(one))]
    for problem in problems:
        print(f"parity: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _without_gpu(one: Reading) -> str:
    """Return why a node has no visible GPU; empty where it has one."""
    fingerprint = msgspec.json.decode(one.raw, type=Fingerprint)
    why = "" if fingerprint.visible_devices else short_reason(why_no_device(fingerprint))
    return why and printable(f"{one.name}: {why}")


def _file_name(node: str) -> str:
    """Return a node's name as a file's: no separators, no hidden file, and not that of another node.

    A few digits tell apart names that had to be changed, and machines that have no name of their own.
    """
    plain = "".join(one if one.isalnum() or one in "-_." else "_" for one in node).lstrip(".")[:100] or "node"
    if plain != node:
        return f"{plain}-{_digits(node)}"
    if node.partition(".")[0] == "localhost":
        with contextlib.suppress(OSError):
            return f"{plain}-{_digits(_BOOT.read_text(encoding='ascii', errors='replace'))}"
    return plain


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
