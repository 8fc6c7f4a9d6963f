"""Expressions: what a word of the command line, a project's name or a file declares, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.config.project import Project, load_project
from parity.config.target_entry import TargetEntry
from parity.config.targets import resolve_target, target_or_default
from parity.errors import InputFileError, ParityError, UnknownNameError, UsageError
from parity.model.absent import NOT_ASKED, Reading
from parity.model.device import Partition
from parity.model.fingerprint import Fingerprint
from parity.model.rule import Level
from parity.model.target import WHOLE, Target
from parity.session import as_json

replace = msgspec.structs.replace
Save: TypeAlias = Callable[..., Path]

PROJECT = Project(
    where="parity.yaml",
    targets={
        "prod": TargetEntry(
            device="h100", count=8, require="identical", stack={"torch": ">=2"}, conditions={"ecc": True}
        ),
        "slice": TargetEntry(device="a100-sxm4-40gb", partition="1g.5gb"),
    },
)


def resolved(expression: str, project: Project = PROJECT, require: Level | None = None) -> Target:
    return resolve_target(expression, project, source="--target", require=require)


def refusal(expression: str, kind: type[ParityError]) -> str:
    with pytest.raises(kind) as caught:
        resolved(expression)
    return str(caught.value)


def read(value: Any) -> Any:
    return Reading(value=value, source="test")


def with_identity(fingerprint: Fingerprint, **values: Any) -> Fingerprint:
    devices = tuple(replace(device, identity=replace(device.identity, **values)) for device in fingerprint.devices)
    return replace(fingerprint, devices=devices)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(fingerprint: Fingerprint, name: str = "prod.json") -> Path:
        path = tmp_path / name
        path.write_bytes(as_json(fingerprint))
        return path

    return write


@pytest.mark.parametrize(
    ("expression", "part", "count"),
    [
        ("h100", "h100-sxm5-80gb", None),
        ("H100", "h100-sxm5-80gb", None),
        (" h100 ", "h100-sxm5-80gb", None),
        ("8xh100", "h100-sxm5-80gb", 8),
        ("8XH100", "h100-sxm5-80gb", 8),
        ("8 x h100", "h100-sxm5-80gb", 8),
        ("16xmi300x", "mi300x", 16),
        ("mi300x", "mi300x", None),
        ("4090", "rtx-4090", None),
        ("2x4090", "rtx-4090", 2),
    ],
)
def test_a_catalog_name_takes_a_count(expression: str, part: str, count: int | None) -> None:
    target = resolved(expression)
    assert (target.id, target.count, target.require, target.partition) == (part, count, "equivalent", WHOLE)


@pytest.mark.parametrize(
    ("expression", "partition"),
    [
        ("a100-sxm4-40gb/1g.5gb", Partition(kind="mig", profile="1g.5gb")),
        ("a100-sxm4-40gb/1G.5GB", Partition(kind="mig", profile="1g.5gb")),
        ("a100-sxm4-40gb/mig-1g.5gb", Partition(kind="mig", profile="1g.5gb")),
        ("7xa100-sxm4-40gb/1g.5gb", Partition(kind="mig", profile="1g.5gb")),
        ("mi300x/CPX", Partition(kind="compute", profile="CPX")),
        ("mi300x/cpx+nps4", Partition(kind="compute", profile="CPX", memory_mode="NPS4")),
        ("mi300x/SPX", Partition(kind="none", profile="SPX")),
    ],
)
def test_a_slice_follows_the_part(expression: str, partition: Partition) -> None:
    assert resolved(expression).partition == partition


def test_an_unknown_slice_offers_the_parts_own() -> None:
    assert refusal("a100-sxm4-40gb/1g.10g", UnknownNameError) == (
        "--target: a100-sxm4-40gb has no partition '1g.10g'\n"
        "  close: 1g.10gb, 2g.10gb, 1g.5gb\n"
        "  mend: use one of: 1g.5gb, 1g.10gb, 2g.10gb, 3g.20gb, 4g.20gb, 7g.40gb"
    )


def test_a_part_that_cannot_be_cut_says_so() -> None:
    assert refusal("rtx-4090/1g.5gb", UnknownNameError) == (
        "--target: rtx-4090 has no partition '1g.5gb'\n  mend: the catalog knows no partitions of this part"
    )


def test_a_target_of_no_devices_is_refused() -> None:
    assert refusal("0xh100", UsageError) == (
        "--target: a target of no devices\n  mend: write 1 or more, or leave the count out"
    )


@pytest.mark.parametrize("expression", ["", "   ", "\n"])
def test_an_empty_target_is_refused(expression: str) -> None:
    assert refusal(expression, UsageError) == (
        "--target: an empty target\n  mend: name one, for example `h100`; see `parity targets`"
    )


def test_an_unknown_name_offers_near_ones() -> None:
    assert refusal("h100-sxm4", UnknownNameError) == (
        "--target: no catalog entry named 'h100-sxm4'\n"
        "  close: h100-sxm, h100-sxm5, h800-sxm\n"
        "  mend: pick one of these, or list all with `parity targets`"
    )


def test_a_name_near_the_projects_own_offers_that() -> None:
    assert "\n  close: prod\n" in refusal("prdo", UnknownNameError)


def test_a_name_near_nothing_offers_nothing() -> None:
    assert "close:" not in refusal("zzzzzzzz", UnknownNameError)


@pytest.mark.parametrize("expression", ["a/b/c", "/h100", "h100/", "/"])
def test_a_malformed_expression_shows_the_forms(expression: str) -> None:
    assert refusal(expression, UsageError) == (
        f"--target: {expression!r} is no target\n  mend: write `h100`, `8xh100` or `a100-sxm4-40gb/1g.5gb`"
    )


@pytest.mark.parametrize(
    "expression",
    [
        "h100; rm -rf .", "$(h100)", "h\u0661\u0660\u0660", "h100\x00", "\x1b[31m", "8x", "x8", "-1xh100", "1e9xh100",
        "9" * 5000 + "xh100", "\u0668xh100", "x" * 100_000, "../h100", "a/" + "x" * 5000,
    ],
    ids=lambda text: ascii(text)[:20],
)  # fmt: skip
def test_weird_text_is_an_unknown_name(expression: str) -> None:
    assert "no catalog entry named" in refusal(expression, UnknownNameError)


@pytest.mark.parametrize("name", ["h20", "l4", "h100-pcie-80gb", "l40s", "h200"])
def test_a_name_is_taken_whole_never_as_a_prefix(name: str) -> None:
    assert resolved(name).id == store.resolve_name(name)
    assert resolved("h20").id != resolved("h200").id
    assert resolved("l4").id != resolved("l40s").id


def test_a_projects_target_carries_all_it_declares() -> None:
    target = resolved("prod")
    assert target == Target(
        spec=store.device_spec("h100"),
        source="parity.yaml: targets.prod",
        name="prod",
        count=8,
        require="identical",
        stack={"torch": ">=2"},
        conditions={"ecc": True},
    )


def test_a_count_before_a_projects_target_replaces_its_own() -> None:
    target = resolved("2xprod")
    assert (target.count, target.require, target.stack) == (2, "identical", {"torch": ">=2"})


def test_a_projects_slice_is_declared() -> None:
    assert resolved("slice").partition == Partition(kind="mig", profile="1g.5gb")


def test_a_slice_of_a_projects_target_is_not_lost() -> None:
    target = resolved("prod/1g.10gb")
    assert (target.partition, target.count) == (Partition(kind="mig", profile="1g.10gb"), 8)


def test_mig_false_declares_a_whole_device(save: Save) -> None:
    path = save(with_identity(as_fingerprint(store.device_spec("h100")), partition=NOT_ASKED))
    project = Project(targets={"prod": TargetEntry(device=str(path), conditions={"mig": False})})
    assert resolved("prod", project).partition == WHOLE


def test_a_requirement_of_the_command_line_wins() -> None:
    assert resolved("prod", require="same-arch").require == "same-arch"
    assert resolved("h100", require="identical").require == "identical"


def test_a_projects_name_wins_over_the_catalogs() -> None:
    project = Project(targets={"h100": TargetEntry(device="h200")})
    assert resolved("h100", project).id == "h200-sxm-141gb"


def test_a_captured_fingerprint_is_a_target(save: Save) -> None:
    captured = as_fingerprint(store.device_spec("h100"), count=4)
    path = save(captured)
    target = resolved(str(path))
    assert (target.id, target.count, target.partition) == ("h100-sxm5-80gb", 4, WHOLE)
    assert target.source == f"--target: {path}"
    assert target.reference is not None
    assert len(target.reference.devices) == 4


def test_a_captured_fingerprint_is_found_from_the_projects_folder(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "captures").mkdir()
    save(as_fingerprint(store.device_spec("mi300x")), "captures/prod.json")
    config = tmp_path / "parity.yaml"
    config.write_text("targets: {prod: {device: captures/prod.json, count: 2}}\n")
    monkeypatch.chdir("/")
    target = resolved("prod", load_project(config))
    assert (target.id, target.count, target.name) == ("mi300x", 2, "prod")


def test_a_missing_capture_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "gone.json"
    assert refusal(str(path), InputFileError) == f"{path}: no such file\n  mend: check the path"


def test_another_tools_report_is_a_target(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(
        "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6)\n"
        "GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f7)\n"
    )
    target = resolved(str(path))
    assert (target.id, target.count) == ("h100-sxm5-80gb", 2)


def test_a_report_without_devices_is_refused(save: Save) -> None:
    path = save(replace(as_fingerprint(store.device_spec("h100")), devices=()))
    assert refusal(str(path), UsageError) == (
        f"--target: {path}: the report names no device\n  mend: capture one with `parity capture` there"
    )


def test_a_report_of_hidden_devices_names_none(save: Save) -> None:
    plain = as_fingerprint(store.device_spec("h100"))
    hidden = tuple(replace(d, locator=replace(d.locator, visible=False)) for d in plain.devices)
    assert "the report names no device" in refusal(str(save(replace(plain, devices=hidden))), UsageError)


def test_a_report_of_several_parts_is_refused(save: Save) -> None:
    both = (*as_fingerprint(store.device_spec("h100")).devices, *as_fingerprint(store.device_spec("h200")).devices)
    path = save(replace(as_fingerprint(store.device_spec("h100")), devices=both))
    assert refusal(str(path), UsageError) == (
        f"--target: {path}: the report has devices of several kinds: h100-sxm5-80gb, h200-sxm-141gb\n"
        "  mend: declare one part by name"
    )


def unknown_part(name: str, sm_count: int) -> Fingerprint:
    plain = as_fingerprint(store.device_spec("h100"))
    return with_identity(
        plain,
        name=read(name),
        pci_device_id=NOT_ASKED,
        pci_subsystem_id=NOT_ASKED,
        compute_capability=read("13.0"),
        sm_count=read(sm_count),
    )


def test_the_first_of_several_unknown_parts_does_not_speak_for_all(save: Save) -> None:
    one, other = unknown_part("NVIDIA X1", 10), unknown_part("NVIDIA X2", 20)
    told = refusal(str(save(replace(one, devices=(*one.devices, *other.devices)))), UsageError)
    assert "devices of several kinds: NVIDIA X1 sm_130 10 units 79.6 GiB, NVIDIA X2 sm_130 20 units" in told


def test_a_whole_gpu_does_not_speak_for_a_slice(save: Save) -> None:
    whole = as_fingerprint(store.device_spec("h100"))
    mig = with_identity(
        whole, partition=read(Partition(kind="mig", profile="1g.10gb")), sm_count=NOT_ASKED, memory_bytes=NOT_ASKED
    )
    told = refusal(str(save(replace(whole, devices=(*whole.devices, *mig.devices)))), UsageError)
    assert "devices of several kinds: h100-sxm5-80gb, h100-sxm5-80gb/1g.10gb" in told


def test_a_part_the_catalog_lacks_is_described_by_its_readings(save: Save) -> None:
    target = resolved(str(save(unknown_part("NVIDIA X1", 10))))
    assert (target.id, target.spec.arch, target.spec.value("sm_count")) == ("nvidia-x1", "sm_130", 10)
    assert target.spec.facts["sm_count"].source == "captured"


def test_a_report_that_fits_several_parts_is_refused(save: Save) -> None:
    plain = as_fingerprint(store.device_spec("rtx-3080-10gb"))
    identity = type(plain.devices[0].identity)(vendor=read("nvidia"), name=read("NVIDIA GeForce RTX 3080"))
    path = save(replace(plain, devices=(replace(plain.devices[0], identity=identity),)))
    assert refusal(str(path), UsageError) == (
        f"--target: {path}: the report fits several parts: rtx-3080-10gb, rtx-3080-12gb\n"
        "  mend: declare one of them by name"
    )


def test_a_report_that_names_neither_vendor_nor_arch_is_refused(save: Save) -> None:
    plain = as_fingerprint(store.device_spec("h100"))
    device = replace(plain.devices[0], identity=type(plain.devices[0].identity)(sm_count=read(3)))
    told = refusal(str(save(replace(plain, devices=(device,)))), UsageError)
    assert told.endswith("the report does not say which device it is\n  mend: capture it on the machine itself")


@pytest.mark.parametrize(
    ("counted", "read_devices", "hidden", "count"),
    [(8, 8, 0, 8), (8, 1, 0, 8), (8, 8, 6, 2), (1, 7, 0, 7), (None, 2, 0, 2)],
    ids=["all", "a report cut off", "the others hidden", "slices of one GPU", "not counted"],
)
def test_a_capture_declares_what_production_works_with(
    save: Save, counted: int | None, read_devices: int, hidden: int, count: int
) -> None:
    plain = as_fingerprint(store.device_spec("h100"), count=read_devices)
    devices = tuple(
        replace(device, locator=replace(device.locator, visible=number >= hidden))
        for number, device in enumerate(plain.devices)
    )
    total = NOT_ASKED if counted is None else read(counted)
    assert resolved(str(save(replace(plain, devices=devices, device_count=total)))).count == count


def test_without_an_expression_the_projects_default_counts() -> None:
    project = replace(PROJECT, default_target="prod")
    target = target_or_default(None, project, source="--target")
    assert target is not None
    assert target.name == "prod"


def test_an_empty_expression_is_not_the_default() -> None:
    project = replace(PROJECT, default_target="prod")
    with pytest.raises(UsageError, match="--target: an empty target"):
        target_or_default("", project, source="--target")


def test_with_neither_there_is_no_target() -> None:
    assert target_or_default(None, PROJECT, source="--target") is None
