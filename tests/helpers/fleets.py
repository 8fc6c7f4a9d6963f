"""Synthetic fleets: a thousand nodes of eight GPUs that differ as nodes in the field do."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.fleet.documents import NODE_SCHEMA
from parity.model.absent import Reading
from parity.model.fingerprint import Fingerprint, Host, Link, Origin, Stack, sealed
from parity.model.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator

replace = msgspec.structs.replace
PART = "h100-sxm5-80gb"
CAPTURED = "2026-11-20T08:00:00+00:00"
STACK = {"driver": "570.86.15", "cuda_driver": "12.8", "torch": "2.9.1", "nccl": "2.27.5"}
HOST = {"os": "Ubuntu 24.04.1 LTS", "kernel": "6.8.0-45-generic", "cpu_model": "INTEL XEON PLATINUM 8480C"}
WHOLE = {"mig_enabled": False, "ecc_enabled": True, "power_limit_w": 700.0, "ecc_uncorrected": 0}
MOVING = {"temperature_c": 30.0, "power_draw_w": 70.0, "clock_sm_mhz": 345, "ecc_corrected": 0}
RATES = {"dram_copy": 2900.0, "dram_read": 3050.0, "dram_write": 2980.0, "matmul_bf16": 690.0}
UNITS = {"matmul_bf16": "TFLOPS"}


def told(value: Any) -> Reading[Any]:
    """Return a value as somebody read it."""
    return Reading(value=value, source="synthetic")


def node(
    name: str,
    *,
    seed: int = 0,
    part: str = PART,
    count: int = 8,
    rates: bool = False,
    captured_at: str = CAPTURED,
    **conditions: Any,
) -> Fingerprint:
    """Return a node. The seed decides about what moves by itself, and about the noise of what is measured.

    Args:
        conditions: further ones of every device.
    """
    dice = random.Random(f"{name} {seed}")
    whole = as_fingerprint(store.device_spec(part), count=count)
    devices = tuple(
        replace(
            device,
            locator=replace(device.locator, uuid=told(f"GPU-{dice.getrandbits(64):016x}")),
            conditions=replace(
                device.conditions,
                **{field: told(value) for field, value in {**WHOLE, **conditions}.items()},
                **{field: told(value + dice.randrange(9)) for field, value in MOVING.items()},
            ),
        )
        for device in whole.devices
    )
    measured = tuple(
        Measurement(
            name=kind, device=index, value=round(dice.gauss(rate, rate / 200), 1), unit=UNITS.get(kind, "GB/s"),
            kernel="synthetic",
        )
        for index in range(count if rates else 0)
        for kind, rate in RATES.items()
    )  # fmt: skip
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    return sealed(
        replace(
            whole,
            origin=Origin(kind="live", captured_at=captured_at, tool_version="0.1.0", synthetic=True),
            host=Host(hostname=told(name), **{field: told(value) for field, value in HOST.items()}),
            stack=Stack(
                components={key: told(value) for key, value in STACK.items()},
                packages={"vllm": "0.11.0", "torch": STACK["torch"]},  # torch is in both, as on machines that were read
            ),
            devices=devices,
            links=tuple(Link(a=a, b=b, kind="nvlink", count=18, path="NV18") for a, b in pairs),
            measured=measured,
        )
    )


def changed(fingerprint: Fingerprint, block: str, device: int | None = None, **values: Any) -> Fingerprint:
    """Return a node with other values in a block (``identity``, ``conditions``, ``host``, ``stack``).

    Args:
        device: of this device alone; None: of all.
    """
    if block == "stack":
        components = {**fingerprint.stack.components, **{name: told(value) for name, value in values.items()}}
        return replace(fingerprint, stack=replace(fingerprint.stack, components=components))
    if block == "host":
        host = replace(fingerprint.host, **{name: told(value) for name, value in values.items()})
        return replace(fingerprint, host=host)
    devices = list(fingerprint.devices)
    for number in range(len(devices)) if device is None else [device]:
        inner = replace(getattr(devices[number], block), **{name: told(value) for name, value in values.items()})
        devices[number] = replace(devices[number], **{block: inner})
    return replace(fingerprint, devices=tuple(devices))


def slowed(fingerprint: Fingerprint, ratio: float, *, devices: tuple[int, ...] | None = None) -> Fingerprint:
    """Return a node whose memory delivers this part of what it did."""
    return replace(
        fingerprint,
        measured=tuple(
            replace(one, value=round(one.value * ratio, 1))
            if one.name.startswith("dram") and (devices is None or one.device in devices)
            else one
            for one in fingerprint.measured
        ),
    )


def line(name: str, fingerprint: Fingerprint) -> bytes:
    """Return a node as `parity fleet collect` writes it."""
    return msgspec.json.encode({"schema": NODE_SCHEMA, "node": name, "fingerprint": fingerprint}) + b"\n"


def in_the_field(count: int = 1000, *, rates: bool = True) -> Iterator[tuple[str, Fingerprint]]:
    """Yield (name, node) of a fleet with one node of every trouble, and three whose memory is 12 % slow."""
    for number in range(count):
        name = f"gpu-{number:04}"
        one = node(name, rates=rates)
        trouble = number - count // 3
        if trouble == 0:
            one = changed(one, "stack", driver="570.86.10")
        elif trouble == 1:
            one = changed(one, "conditions", power_limit_w=500.0)
        elif trouble == 2:
            one = changed(one, "conditions", 3, pcie_width_now=8)
        elif trouble == 3:
            one = node(name, count=7, rates=rates)
        elif trouble == 4:
            one = changed(one, "conditions", 0, mig_enabled=True)
        elif trouble == 5:
            one = replace(one, origin=replace(one.origin, captured_at="2026-09-01T08:00:00+00:00"))
        elif trouble == 6:
            one = changed(one, "conditions", 5, ecc_uncorrected=2)
        elif trouble == 7:
            links = tuple(
                replace(pair, kind="system", path="SYS", count=None) if pair.b == 6 else pair for pair in one.links
            )
            one = replace(one, links=links)
        elif trouble in (10, 11):
            one = slowed(one, 0.88)
        elif trouble == 12:
            one = slowed(one, 0.88, devices=(2,))
        elif trouble == 13:
            one = replace(one, measured=())
        yield name, one
