"""Named machines and targets that the rule cards' examples speak of; all written by hand (synthetic)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.config.project import Project, TargetEntry
from parity.config.targets import resolve_target
from parity.model.absent import Reading
from parity.model.device import Device, Locator
from parity.model.fingerprint import Fingerprint, Library, Link, Note, Origin, Stack, sealed
from parity.model.measurement import Measurement
from parity.model.partition import Partition

if TYPE_CHECKING:
    from parity.model.environment import EnvironmentCard
    from parity.model.target import Target

H100 = "h100-sxm5-80gb"
replace = msgspec.structs.replace


def machine(name: str) -> Fingerprint:
    """Return the machine that an example calls ``name``: one of the functions below, or whole parts of the catalog."""
    made = _MACHINES.get(name)
    return made() if made else as_fingerprint(store.device_spec(name))


def target(name: str) -> Target:
    """Return the target that an example calls ``name``."""
    project = Project(
        where="examples",
        targets={
            "h100-declared": TargetEntry(device=H100, conditions={"power_limit_w": ">=700"}),
            "h100-pinned": TargetEntry(device=H100, stack={"driver": ">=570"}),
        },
    )
    if name == "captured-new-driver":
        return replace(resolve_target(H100, project, source="examples"), reference=_new_driver())
    return resolve_target(name, project, source="examples")


def changed(fingerprint: Fingerprint, where: dict[str, Any]) -> Fingerprint:
    """Return the fingerprint with single values replaced: ``conditions.ecc_enabled: true``; null makes one absent."""
    for path, value in where.items():
        block, field = path.split(".")
        reading: Any = msgspec.UNSET if value is None else Reading(value=value, source="example")
        if field == "throttle_reasons":
            reading = Reading(value=(value,), source="example")
        if block == "host":
            fingerprint = replace(fingerprint, host=replace(fingerprint.host, **{field: reading}))
            continue
        devices = tuple(
            replace(device, **{block: replace(getattr(device, block), **{field: reading})})
            for device in fingerprint.devices
        )
        fingerprint = replace(fingerprint, devices=devices)
    return sealed(fingerprint)


def _with_stack(components: dict[str, str], **more: Any) -> Fingerprint:
    readings = {name: Reading(value=version, source="example") for name, version in components.items()}
    return replace(machine(H100), stack=Stack(components=readings, **more))


def _new_driver() -> Fingerprint:
    return _with_stack({"driver": "580.95.05", "torch": "2.9.0+cu128", "torch_cuda": "12.8"})


def _nothing_read() -> Fingerprint:
    return Fingerprint(origin=Origin(kind="report", synthetic=True), devices=(Device(locator=Locator(index=0)),))


def _sliced(part: str, partition: Partition, units: str, count: int, memory: int | None) -> Fingerprint:
    whole = as_fingerprint(store.device_spec(part), partition=partition).devices[0]
    values: dict[str, Any] = {units: Reading(value=count, source="example")}
    if memory:
        values["memory_bytes"] = Reading(value=memory, source="example")
    device = replace(whole, identity=replace(whole.identity, **values))
    return Fingerprint(origin=Origin(kind="report", synthetic=True), devices=(device,))


def _mixed() -> Fingerprint:
    devices = [machine(part).devices[0] for part in ("rtx-4090", "rtx-3090")]
    placed = tuple(replace(device, locator=Locator(index=n)) for n, device in enumerate(devices))
    return Fingerprint(origin=Origin(kind="report", synthetic=True), devices=placed)


def _pair(links: tuple[Link, ...]) -> Fingerprint:
    return replace(as_fingerprint(store.device_spec(H100), count=2), links=links)


def _environment(name: str, value: str) -> Fingerprint:
    return replace(machine(H100), environment={name: value})


def _is_plain(card: EnvironmentCard, severity: str) -> bool:
    named = card.severity == severity and "*" not in card.name
    return named and card.vendor in ("any", "nvidia") and card.kind != "communication"


def _first_variable(severity: str) -> Fingerprint:
    card = next(card for card in store.environment_cards() if _is_plain(card, severity))
    value = card.harmful[0] if card.harmful and card.harmful[0] != "nonzero" else "1"
    return _environment(card.name, value)


def _installed(torch: str = "", *, part: str = H100, driver: str = "580.95.05", **packages: str) -> Fingerprint:
    """Return a machine with a torch (``2.9.0+cu128``) and packages; ``_`` in a name stands for ``-``."""
    components = {"driver": driver}
    if torch:
        release = torch.partition("+cu")[2]
        components |= {"torch": torch, "torch_cuda": f"{release[:2]}.{release[2:]}"}
    components |= {name: packages.pop(name) for name in ("nccl", "triton", "rocm") if name in packages}
    readings = {name: Reading(value=version, source="example") for name, version in components.items()}
    listed = {name.replace("_", "-"): version for name, version in packages.items()}
    return replace(machine(part), stack=Stack(components=readings, packages=listed))


def _foreign_cudnn() -> Fingerprint:
    site = "/venv/lib/python3.12/site-packages/nvidia/cudnn/lib"
    return _with_stack(
        {},
        libraries=(
            Library(name="libcudnn", path=f"{site}/libcudnn.so.9", version="9.10.2.21", found="package"),
            Library(name="libcudnn", path="/usr/lib/x86_64-linux-gnu/libcudnn.so.9", version="9.8.0", found="loaded"),
        ),
    )


def _measured(copy_gbps: float, matmul_tflops: float) -> Fingerprint:
    return replace(
        machine(H100),
        measured=(
            Measurement(name="dram_copy", device=0, value=copy_gbps, unit="GB/s", kernel="cuMemcpyDtoDAsync"),
            Measurement(name="matmul_bf16", device=0, value=matmul_tflops, unit="TFLOPS", kernel="torch.matmul bf16"),
        ),
    )


_MACHINES = {
    "h100-measured": lambda: _measured(2500.0, 700.0),
    "h100-measured-slow": lambda: _measured(2045.0, 480.0),
    "h100-measured-impossible": lambda: _measured(3868.0, 700.0),
    "h100-not-measured": lambda: replace(
        machine(H100), notes=(Note(source="measure", text="GPU 0: not measured: in use", why="not_asked"),)
    ),
    "torch-2.6": lambda: _installed("2.6.0+cu124"),
    "torch-vendor-build": lambda: _with_stack({"torch": "2.6.0a0+ecf3bae40a.nv25.01", "torch_cuda": "12.8"}),
    "jax-cuda12": lambda: _installed(jax_cuda12_plugin="0.8.0"),
    "flash-attn-2": lambda: _installed("2.8.0+cu128", flash_attn="2.8.3"),
    "bitsandbytes-cu126": lambda: _installed("2.7.1+cu126", bitsandbytes="0.47.0"),
    "flash-attn-3": lambda: _installed("2.8.0+cu128", flash_attn_3="3.0.0"),
    "flash-attn-next": lambda: _installed("2.8.0+cu128", flash_attn="3.1.0"),
    "deep-gemm": lambda: _installed("2.9.0+cu128", deep_gemm="2.5.0+891d57b"),
    "torchao": lambda: _installed("2.9.0+cu128", torchao="0.15.0"),
    "deep-ep": lambda: _installed("2.10.0+cu128", deep_ep="2.1.0", nccl="2.30.7"),
    "deep-ep-old-nccl": lambda: _installed("2.10.0+cu128", deep_ep="2.1.0", nccl="2.27.5"),
    "nccl-2.21": lambda: _installed("2.6.0+cu124", nccl="2.21.5"),
    "torch-2.8-other-nccl": lambda: _installed("2.8.0+cu128", nccl="2.28.3"),
    "nccl-2.27": lambda: _installed("2.8.0+cu128", nccl="2.27.3"),
    "triton-3.2": lambda: _installed(triton="3.2.0"),
    "triton-3.5": lambda: _installed(triton="3.5.1"),
    "triton-3.6": lambda: _installed(triton="3.6.0"),
    "triton-next": lambda: _installed(triton="4.0.0"),
    "rocm-6.2-on-30.30": lambda: _installed(part="mi300x", driver="30.30.2", rocm="6.2.4"),
    "rocm-7.0-on-30.30": lambda: _installed(part="mi300x", driver="30.30.2", rocm="7.0.1"),
    "rocm-6.3-on-6.10.5": lambda: _installed(part="mi300x", driver="6.10.5", rocm="6.3.0"),
    "l4-with-torch": lambda: _installed("2.9.0+cu128", part="l4"),
    "rtx-3080-with-torch": lambda: _installed("2.9.0+cu128", part="rtx-3080-10gb"),
    "foreign-cudnn": _foreign_cudnn,
    "env-gfx-override": lambda: replace(machine("rx-7900-xtx"), environment={"HSA_OVERRIDE_GFX_VERSION": "9.4.2"}),
    "env-gfx-true": lambda: replace(machine("mi300x"), environment={"HSA_OVERRIDE_GFX_VERSION": "9.4.2"}),
    "arch-list-8.9": lambda: _environment("TORCH_CUDA_ARCH_LIST", "8.6 8.9"),
    "arch-list-named": lambda: _environment("TORCH_CUDA_ARCH_LIST", "Ada;8.9"),
    "env-interpret": lambda: _environment("TRITON_INTERPRET", "1"),
    "nothing-read": _nothing_read,
    "a100-mig-1g.5gb": lambda: _sliced(
        "a100-sxm4-40gb", Partition(kind="mig", profile="1g.5gb"), "sm_count", 14, 5100273664
    ),
    "mi300x-cpx": lambda: _sliced(
        "mi300x", Partition(kind="compute", profile="CPX", memory_mode="NPS1"), "cu_count", 38, None
    ),
    "mixed-4090-3090": _mixed,
    "h100-x2-pcie-only": lambda: _pair((Link(a=0, b=1, kind="pcie", path="PHB"),)),
    "h100-x2-untold": lambda: _pair(()),
    "two-cudnn": lambda: _with_stack(
        {},
        libraries=(
            Library(name="libcudnn", path="/a/libcudnn.so.9.1.0", version="9.1.0"),
            Library(name="libcudnn", path="/b/libcudnn.so.9.8.0", version="9.8.0"),
        ),
    ),
    "env-launch-blocking": lambda: _environment("CUDA_LAUNCH_BLOCKING", "1"),
    "h100-x2-no-p2p": lambda: replace(
        as_fingerprint(store.device_spec(H100), count=2), environment={"NCCL_P2P_DISABLE": "1"}
    ),
    "env-skewed": lambda: _first_variable("warning"),
    "env-noted": lambda: _first_variable("note"),
    "old-driver": lambda: _with_stack({"driver": "535.86.10", "torch": "2.4.0+cu121", "torch_cuda": "12.1"}),
    "new-driver": _new_driver,
    "cuda13-on-570": lambda: _with_stack({"driver": "570.86.15", "torch_cuda": "13.0"}),
    "cuda13-on-580": lambda: _with_stack({"driver": "580.95.05", "torch_cuda": "13.0"}),
    "cuda124": lambda: _with_stack({"driver": "580.95.05", "torch_cuda": "12.4"}),
}

__all__ = ["changed", "machine", "target"]
