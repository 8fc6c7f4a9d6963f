"""Knows how a probe's child process starts: protect the channel from vendor noise, then run one survey.

Vendor libraries print to standard output (amdsmi does on import). The channel is moved to a descriptor of its own and
standard output is pointed at standard error, which the parent keeps in a file.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

SURVEYS = {
    "nvidia": "parity.probes.nvidia_survey",
    "amd": "parity.probes.amd_survey",
    "host": "parity.probes.host_survey",
    "watch": "parity.probes.watch_serve",
    "measure": "parity.measure.serve",
}


def main() -> None:
    """Run the survey named in ``argv[1]``; ``argv[2]`` is JSON: ``skip`` (keys), ``root`` (path prefix) and options."""
    options = json.loads(sys.argv[2])
    channel = os.dup(1)
    os.set_inheritable(channel, False)
    os.dup2(2, 1)
    os.write(channel, b"\n")  # ends whatever start-up code printed
    die_with_parent()
    _leave_no_core()

    from parity.probes.ask import Ask  # after the channel is safe

    ask = Ask(channel, options.get("skip", ()))
    survey = importlib.import_module(SURVEYS[sys.argv[1]])
    survey.survey(ask, options)
    ask.done()
    sys.stdout.flush()
    os._exit(0)  # vendor libraries crash in their exit handlers; everything is already written


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, so that a hung driver call leaves no orphan."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes  # Linux only
    import signal

    pr_set_pdeathsig = 1
    try:
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        return


def _leave_no_core() -> None:
    """Turn core files off: a vendor library that crashes here must not fill the user's directory."""
    try:
        import resource  # POSIX only

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        return
