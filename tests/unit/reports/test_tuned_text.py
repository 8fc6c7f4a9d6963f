"""Judged tuned tables as text."""

from __future__ import annotations

from parity.model.tuned import Case, Misnamed, TunedFamily, TunedPackageReport, TunedReport
from parity.reports import tuned_text


def report(family: TunedFamily, *, here: str | None = None, status: int = 0, **more: object) -> TunedReport:
    package = TunedPackageReport(package="vllm", version="0.33.0", families=(family,), **more)  # type: ignore[arg-type]
    return TunedReport(target="h100", here=here, packages=(package,), exit_status=status)


SHAPES: dict[str, Case] = {"E=1": "both", "E=2": "here-only", "E=3": "neither", "E=4": "target-only"}
FAMILY = TunedFamily(
    family="fused-moe", total=4, target=2, here=2, shapes=SHAPES, devices={"NVIDIA_L40S": 2}, triton={"3.5.1": 2}
)


def test_both_sides() -> None:
    odd = (Misnamed(name="L40s", files=2, never=True, why="no"), Misnamed(name="MI9", files=1, never=False, why="new"))
    assert tuned_text.render(report(FAMILY, here="L40S", status=1, misnamed=odd, problems=("x.json: empty",))) == (
        "target: h100; here: L40S\n"
        "\n"
        "vllm 0.33.0\n"
        "  tuned shapes of  any  target  here  both  neither\n"
        "  fused-moe          4       2     2     1        1\n"
        "  fused-moe, here only: E=2\n"
        "  never used: 2 tables named 'L40s': no\n"
        "  no part of the catalog: 1 table named MI9\n"
        "  problem: x.json: empty\n"
        "\n"
        "1 shape is tuned here and not for h100: there it runs on defaults\n"
        "1 shape is tuned for h100 and not here: here it runs on defaults\n"
    )


def test_verbose_adds_what_tables_are_keyed_by() -> None:
    text = tuned_text.render(report(FAMILY, here="L40S", status=1), verbose=True)
    assert "  fused-moe, target only: E=4\n" in text
    assert "  fused-moe, by device: NVIDIA_L40S 2\n" in text
    assert "  fused-moe, by Triton version for h100: 3.5.1 2\n" in text


def test_the_closing_line_says_what_the_status_means() -> None:
    def foot(family: TunedFamily, *, here: str | None = None, status: int = 0) -> str:
        return tuned_text.render(report(family, here=here, status=status)).splitlines()[-1]

    assert foot(TunedFamily(family="a", total=9, target=2)) == "2 of 9 shapes are tuned for h100, some of each kind"
    assert foot(TunedFamily(family="a", total=9, target=0), status=1) == (
        "nothing is tuned for h100 in a: it runs on defaults"
    )
    assert foot(TunedFamily(family="a", total=9), status=3) == "no table is for devices of the vendor of h100"
    assert foot(TunedFamily(family="a", total=9, target=0, unknown="so"), status=3) == (
        "not all tables could be read or judged for h100"
    )
    both: dict[str, Case] = {"s": "both"}
    same = TunedFamily(family="a", total=1, target=1, here=1, shapes=both)
    assert foot(same, here="L40S") == "the shapes tuned here are those tuned for h100"
    sides: dict[str, Case] = {"s": "here-only", "t": "target-only", "u": "target-only"}
    differs = TunedFamily(family="a", total=3, target=2, here=1, shapes=sides)
    assert tuned_text.render(report(differs, here="L40S", status=1)).splitlines()[-2:] == [
        "1 shape is tuned here and not for h100: there it runs on defaults",
        "2 shapes are tuned for h100 and not here: here they run on defaults",
    ]
    neither = TunedFamily(family="a", total=1, target=0, here=0, shapes={"s": "neither"})
    assert foot(neither, here="L40S", status=1) == "nothing is tuned for h100 in a: it runs on defaults"


def test_without_a_target_the_devices_are_told() -> None:
    family = TunedFamily(family="fused-moe", total=4, devices={"NVIDIA_L40S": 2})
    package = TunedPackageReport(package="p", version="", families=(family,))
    lines = tuned_text.render(TunedReport(target=None, here=None, packages=(package,))).splitlines()
    assert lines[-1] == "4 tuned shapes in 1 package"
    assert lines[1:4] == ["  tuned shapes of  any", "  fused-moe          4", "  fused-moe, by device: NVIDIA_L40S 2"]


def test_control_characters_of_names_do_not_reach_the_terminal() -> None:
    bad = (Misnamed(name="\x1b[31mred", files=1, never=False, why=""),)
    assert "\x1b" not in tuned_text.render(report(FAMILY, misnamed=bad, problems=("\x1b[2J",)))


def test_a_package_without_tables_says_so() -> None:
    empty = TunedReport(target="h100", here=None, packages=(TunedPackageReport(package="p", version="1"),))
    assert "  no tuned table\n" in tuned_text.render(empty)


def test_several_names_of_the_target_are_told() -> None:
    family = TunedFamily(family="mamba", total=2, target=2, target_names={"MI350X": 1, "MI350_OAM": 1})
    assert "one: MI350X 1; MI350_OAM 1\n" in tuned_text.render(report(family), width=120)
    assert "several names" not in tuned_text.render(report(FAMILY))
