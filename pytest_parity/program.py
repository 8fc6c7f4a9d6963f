"""Starts the program ``parity`` from its own package, whatever else on the path bears that name.

Tests of numeric parity often lie in a package ``parity``, and with the checkout in PYTHONPATH that one is found first.
Only the package itself is looked for beside this one; everything after it sees the path as it was given.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def program() -> NoReturn:
    """Run the program."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  (pathlib takes longer to import)
    sys.path.insert(0, os.path.dirname(here))  # noqa: PTH120
    import parity  # noqa: F401

    del sys.path[0]
    from parity.cli.main import program as run

    run()
