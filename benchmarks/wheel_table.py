"""Knows the table of what popular wheels contain: made by the tool itself, from wheels in a folder.

Usage: ``python benchmarks/wheel_table.py FOLDER > docs/wheels.md``. Wheels are read in place, not unpacked; nothing is
imported. Fill the folder with ``pip download --no-deps``.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

from parity.binaries.inventory import Stocktaking
from parity.catalog import store
from parity.model.coverage import RunsOn
from parity.verdict.kernels import kernels_report

NVIDIA = {"8.0": "sm_80", "8.9": "sm_89", "9.0": "sm_90", "10.0": "sm_100", "10.3": "sm_103", "12.0": "sm_120"}
AMD = {name: name for name in ("gfx90a", "gfx942", "gfx950")}
WORDS = {
    None: "",
    "native-exact": "exact",
    "native-compatible": "compatible",
    "native-but-arch-specific-variant-missing": "no a/f twin",
    "ptx-jit": "JIT",
    "none": "**none**",
    "unknown": "?",
}


LEGEND = """\
`exact`: code for this very architecture - `compatible`: code of a lower minor version or a family - `no a/f twin`:
plain code runs, the variant for this chip's own instructions is for another chip - `JIT`: the driver compiles PTX
on first use - **none**: nothing loads - `?`: not decided, with the reason in `parity kernels -v` - empty: no code
of this vendor. The worst part decides: a package with a library for one chip alone shows **none** on others; the last
column names the libraries that made a cell **none** or `?`."""


def main() -> None:
    """Print the table."""
    wheels = sorted(Path(sys.argv[1]).glob("*.whl"))
    if not wheels:
        sys.exit(f"no wheels in {sys.argv[1]}")
    columns = {**NVIDIA, **AMD}
    print("# What popular wheels contain")
    print()
    print(f"Read on {dt.datetime.now(dt.timezone.utc).date()} by `benchmarks/wheel_table.py`, hidden code included.")
    print(LEGEND)
    print()
    print("| wheel | " + " | ".join(columns) + " | decided by |")
    print("|---|" + "---|" * (len(columns) + 1))
    for wheel in wheels:
        print(row(wheel, list(columns.values())))


def row(wheel: Path, archs: list[str]) -> str:
    """Return one wheel's line."""
    stock = Stocktaking(scan=True)
    stock.add_path(str(wheel))
    inventory = stock.inventory()
    facts = store.code_facts()
    has_nvidia = any(one.sass or one.ptx for one in kernels_report(inventory, facts, target=None).libraries)
    has_amd = any(one.amd for one in kernels_report(inventory, facts, target=None).libraries)
    cells, lacking = [], {}
    for arch in archs:
        if not (has_amd if arch.startswith("gfx") else has_nvidia):
            cells.append("")
            continue
        report = kernels_report(inventory, facts, target=RunsOn(arch=arch))
        for package in report.packages:
            if package.target in ("none", "unknown"):
                lacking.update(dict.fromkeys(inner(name) for name in package.lacking))
        verdicts = [package.target for package in report.packages if package.target is not None]
        order = (
            "none",
            "unknown",
            "ptx-jit",
            "native-but-arch-specific-variant-missing",
            "native-compatible",
            "native-exact",
        )
        cells.append(WORDS[next((word for word in order if word in verdicts), None)])
    name, version = wheel.name.split("-")[:2]
    return f"| {name.replace('_', '-')} {version} | " + " | ".join([*cells, told(list(lacking))]) + " |"


def inner(name: str) -> str:
    """Return a library's name in its wheel; loose code objects of the whole wheel have none of their own."""
    _, wheel, rest = name.partition(".whl/")
    return rest or "all code objects" if wheel else name


def told(names: list[str], *, limit: int = 3) -> str:
    """Return the files that made a cell **none** or ``?``."""
    return ", ".join(f"`{name}`" for name in names[:limit]) + (
        f" and {len(names) - limit} more" if names[limit:] else ""
    )


if __name__ == "__main__":
    main()
