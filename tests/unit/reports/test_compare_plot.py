"""The picture of ``parity compare``: its formats, what stands in it, and a clear word where it cannot be drawn."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import columns
import machines
import pytest

from parity.compare.comparison import compare
from parity.errors import UsageError
from parity.reports.compare_plot import write

if TYPE_CHECKING:
    from pathlib import Path


def texts(path: Path) -> list[str]:
    """Return every text of an SVG."""
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def drawing() -> None:
    """Skip where the optional extra is not installed; its own import may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("matplotlib.figure", reason="needs gpu-parity[plot]")


def test_without_matplotlib_the_mend_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError) as caught:
        write(columns.compared("h100", "b200"), str(tmp_path / "x.png"))
    assert str(caught.value) == (
        "--plot: drawing needs matplotlib, which is not installed\n"
        "  mend: install it: python -m pip install 'gpu-parity[plot]'"
    )


@pytest.mark.parametrize("name", ["x.pdf", "x", "x.png.txt"])
def test_another_suffix_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=rf"^--plot {name}: a picture is a \.png or a \.svg"):
        write(columns.compared("h100", "b200"), name)


@pytest.mark.usefixtures("drawing")
def test_a_png_is_a_png(tmp_path: Path) -> None:
    write(columns.compared("h100", "mi300x", "b200"), str(tmp_path / "x.PNG"))
    raw = (tmp_path / "x.PNG").read_bytes()
    assert raw.startswith(b"\x89PNG\r\n")
    assert 20_000 < len(raw) < 1_000_000


@pytest.mark.usefixtures("drawing")
def test_an_svg_has_axes_with_units_and_every_figure(tmp_path: Path) -> None:
    write(columns.compared("h100", "mi300x", "h100/1g.10gb"), str(tmp_path / "x.svg"))
    told = texts(tmp_path / "x.svg")
    assert "arithmetic intensity, FLOP per byte of memory traffic" in told
    assert "attainable, TFLOPS" in told
    assert "h100: 3352 GB/s, 989.4 TFLOPS, ridge 295.1" in told
    assert "Roofline of published peaks, dense BF16   (not drawn, a fact is unknown: h100/1g.10gb)" in told
    assert {"bandwidth per watt", "GB/s/W", "BF16 per watt", "TFLOPS/W"} <= set(told)
    assert "6.93-7.1" in told  # bandwidth per watt of the MI300X: its sources disagree
    assert "unknown" in told
    assert {"10", "100", "1000"} <= set(told)


@pytest.mark.usefixtures("drawing")
def test_the_same_comparison_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        write(columns.compared("h100", "b200"), str(tmp_path / name))
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.usefixtures("drawing")
def test_twelve_devices_and_hostile_names_are_drawn(tmp_path: Path) -> None:
    machine = machines.machine("h100-sxm5-80gb")
    evil = columns.of_machine(machine, "$x_1$<script>&\x1b[2J.json")
    made = [columns.of_part(word) for word in ("h100", "h200", "b200", "mi300x", "mi355x", "a100", "l40s", "rtx-4090")]
    write(compare([*made, *evil, *evil, *evil, *evil]), str(tmp_path / "x.svg"))
    assert any(text.startswith("$x_1$<script>") for text in texts(tmp_path / "x.svg"))
    assert "<script" not in (tmp_path / "x.svg").read_text(encoding="utf-8")


@pytest.mark.usefixtures("drawing")
def test_a_name_with_an_underscore_in_front_has_its_line_in_the_legend(tmp_path: Path) -> None:
    machine = columns.of_machine(machines.machine("h100-sxm5-80gb"), "_prod.json")
    write(compare([columns.of_part("b200"), *machine]), str(tmp_path / "x.svg"))
    assert any(text.strip().startswith("_prod.json: 3352 GB/s") for text in texts(tmp_path / "x.svg"))


@pytest.mark.usefixtures("drawing")
def test_devices_of_which_nothing_is_known_give_a_picture_that_says_so(tmp_path: Path) -> None:
    nothing = columns.of_machine(machines.machine("nothing-read"))
    write(compare([*nothing, *nothing]), str(tmp_path / "x.svg"))
    assert any("not drawn" in text for text in texts(tmp_path / "x.svg"))


@pytest.mark.usefixtures("drawing")
def test_a_folder_that_is_not_there_is_made_and_a_file_in_its_place_is_said(tmp_path: Path) -> None:
    write(columns.compared("h100", "b200"), str(tmp_path / "new" / "x.svg"))
    assert (tmp_path / "new" / "x.svg").is_file()
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        write(columns.compared("h100", "b200"), str(tmp_path / "new" / "x.svg" / "y.svg"))
