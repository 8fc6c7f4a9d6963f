"""Starts the gate in the user's Python; with ``--check`` only says whether gpu-parity of this version is there.

A package called `parity` in the checkout that is judged is never imported: PYTHONPATH is for the probes, which are
processes of their own, and not for this one (-E), the current folder and this one leave the path, and the folder of our
own packages, where there is one, comes first.
"""

import os
import re
import sys


def main():  # noqa: ANN201, D103
    if not sys.flags.ignore_environment and sys.executable:
        os.execv(sys.executable, [sys.executable, "-E", *sys.argv])  # noqa: S606
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    packages = os.environ.get("PARITY_PACKAGES", "")
    sys.path[:] = [path for path in sys.path if path and os.path.abspath(path) != here]  # noqa: PTH100
    if packages:
        sys.path.insert(0, packages)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH"))))
    if sys.argv[1:] == ["--check"]:
        import parity.cli.gate

        with open(os.path.join(here, "..", "parity", "__init__.py"), encoding="utf-8") as stream:  # noqa: PTH118, PTH123
            wanted = re.search(r'^__version__ = "([^"]+)"', stream.read(), re.MULTILINE).group(1)
        return 0 if parity.__version__ == wanted else "another version: " + parity.__version__
    from parity.cli.gate import main as gate

    return gate(os.environ)


if __name__ == "__main__":
    sys.exit(main())
