"""Knows what the watcher reads of an AMD GPU during a test: amdsmi's metrics table, else the kernel's files.

``gpu_metrics`` is one struct with everything that moves; its field names outlived what the bindings make of them, so
the struct is read directly, field by field, and one that a release lacks costs itself. Residency accumulators count in
the ticks of ``accumulation_counter``: a cause's share of the test is the ratio of both differences.
``amdsmi_get_violation_status`` gives the same numbers but sleeps 0.1 s, so it is not asked here.
"""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING, Any

from parity.probes import amdsmi_survey
from parity.probes.amd_survey import rocm_folder
from parity.probes.fields import ALL_ONES
from parity.probes.small_files import Tree
from parity.probes.watch_amd_files import file_units
from parity.probes.watch_series import TICK, TICKS
from parity.probes.watch_unit import EVENT_BITS, PROCESSES, Read, Unit

if TYPE_CHECKING:
    from parity.probes.ask import Ask
    from parity.probes.watch_unit import Answer

CAUSE_FIELDS = {
    "prochot_residency_acc": "prochot",
    "ppt_residency_acc": "ppt",
    "socket_thm_residency_acc": "socket-thermal",
    "vr_thm_residency_acc": "vr-thermal",
    "hbm_thm_residency_acc": "hbm-thermal",
}
# Field of gpu_metrics -> series, in the order of preference: the first with a value wins.
_METRICS: tuple[tuple[str, str], ...] = (
    ("accumulation_counter", TICKS),
    *((field, f"{TICK}{cause}") for field, cause in CAUSE_FIELDS.items()),
    ("indep_throttle_status", EVENT_BITS),
    ("current_socket_power", "power_draw_w"),
    ("average_socket_power", "power_draw_w"),
    ("temperature_hotspot", "temperature_c"),
    ("temperature_edge", "temperature_c"),
    ("temperature_mem", "temperature_memory_c"),
    ("current_gfxclk", "clock_graphics_mhz"),
    ("average_gfxclk_frequency", "clock_graphics_mhz"),
    ("current_uclk", "clock_memory_mhz"),
    ("average_gfx_activity", "utilization_percent"),
    ("average_umc_activity", "utilization_memory_percent"),
    ("gfxclk_lock_status", "clock_locked"),
    ("pcie_replay_count_acc", "pcie_replays"),
)
_SERIES = tuple(dict.fromkeys(name for _, name in _METRICS))


def units(ask: Ask, options: dict[str, Any], *, beside_others: bool = False) -> list[Unit]:
    """Return every AMD GPU ready to be read: through amdsmi when it is there and fits, else through sysfs.

    Args:
        ask: announces each first call.
        options: ``root`` of ``/sys``; ``amdsmi``: False never calls amdsmi, True also where the kernel shows no GPU.
        beside_others: GPUs of another vendor are there. Then one that only the kernel's files know is left out: it is
            the processor's own graphics, and would leave every test's throttling unknown.
    """
    tree = Tree(str(options.get("root") or "/"))
    by_files = file_units(ask, tree)
    wanted = options.get("amdsmi")
    asked = wanted is not False and bool(by_files or wanted)
    found = _amdsmi_units(ask, rocm_folder(tree)) if asked else []
    if beside_others:
        return found
    known = {unit.facts["bus"] for unit in found}
    return found + [unit for unit in by_files if unit.facts["bus"] not in known]


def _amdsmi_units(ask: Ask, rocm: str) -> list[Unit]:
    binding = amdsmi_survey.loaded(ask, rocm)
    if binding is None:
        return []
    handles = ask(
        "amdsmi:amdsmi_get_processor_handles",
        lambda: list(binding.amdsmi_get_processor_handles()),
        classify=amdsmi_survey.reason,
        plain=len,
        slow=True,
    )
    found = []
    for index, handle in enumerate((handles or ())[: amdsmi_survey.MAX_DEVICES]):
        unit = Unit(id=f"amdsmi:{index}", facts={"vendor": "amd", "index": index, "uuid": "", "name": "", "bus": ""})
        for call, name in (("amdsmi_get_gpu_device_bdf", "bus"), ("amdsmi_get_gpu_device_uuid", "uuid")):
            question = getattr(binding, call, None)
            if question is not None:
                told = ask(f"{unit.id}:{call}", question, handle, classify=amdsmi_survey.reason, plain=str)
                unit.facts[name] = str(told or "").lower()
        for read in _reads(binding, handle):
            key = f"{unit.id}:{read.name}"
            answer = ask(key, read.measure, plain=lambda _: True)
            unit.keep(read, answer, ("failed", f"{read.name} hung or killed the watcher at its start"))
        found.append(unit)
    return found


def _reads(binding: Any, handle: Any) -> list[Read]:
    reason = amdsmi_survey.reason
    reads = [Read("amdsmi_get_gpu_metrics_info", _SERIES, _metrics(binding, handle), quick=True, classify=reason)]
    for name, gives, question, quick in (
        ("amdsmi_get_energy_count", ("energy_mj",), _energy, True),
        ("amdsmi_get_gpu_total_ecc_count", ("ecc_corrected", "ecc_uncorrected"), _ecc, True),
        ("amdsmi_get_gpu_vram_usage", ("memory_used_bytes",), _memory, False),
        ("amdsmi_get_power_cap_info", ("power_limit_w",), _cap, False),
        ("amdsmi_get_gpu_process_list", (PROCESSES,), _processes, False),
        ("amdsmi_get_gpu_compute_partition", ("compute_partition",), _compute_partition, False),
        ("amdsmi_get_gpu_memory_partition", ("memory_partition",), _memory_partition, False),
    ):
        call = getattr(binding, name, None)
        if call is not None:
            reads.append(Read(name, gives, _bound(question, call, handle), quick=quick, classify=reason))
    return reads


def _bound(question: Any, call: Any, handle: Any) -> Any:
    return lambda: question(call(handle))


def _metrics(binding: Any, handle: Any) -> Any:
    """Return a question that fills the binding's own struct and takes the fields it has."""
    wrapper = sys.modules[binding.__name__ + ".amdsmi_wrapper"]
    kind = getattr(wrapper, "amdsmi_gpu_metrics_t", None)
    call = getattr(wrapper, "amdsmi_get_gpu_metrics_info", None)
    if kind is None or call is None:
        return _no_metrics
    table = kind()
    sizes = {
        name: (1 << 8 * ctypes.sizeof(kind_of)) - 1
        for name, kind_of, *_ in kind._fields_
        if isinstance(kind_of, type) and issubclass(kind_of, ctypes._SimpleCData)  # noqa: SLF001  (their common base)
    }
    wanted = [(field, name, sizes[field]) for field, name in _METRICS if field in sizes]

    def ask_metrics() -> Answer:
        status = call(handle, ctypes.byref(table))
        if status:
            error = binding.AmdSmiLibraryException(status)
            raise error
        answer: Answer = {}
        for field, name, sentinel in wanted:
            value = getattr(table, field)
            if value != sentinel and not isinstance(answer.get(name), int):
                answer[name] = value
            elif name not in answer:
                answer[name] = ("not_supported", f"gpu_metrics has no {field}")
        for name in _SERIES:
            answer.setdefault(name, ("not_supported", "this release's gpu_metrics has no such field"))
        return answer

    return ask_metrics


def _no_metrics() -> Answer:
    return dict.fromkeys(_SERIES, ("not_supported", "this binding has no gpu_metrics"))


def _energy(told: dict[str, Any]) -> Answer:
    count = told.get("energy_accumulator", told.get("power"))
    if not isinstance(count, int) or count in ALL_ONES:
        return {"energy_mj": ("not_supported", "no energy accumulator")}
    return {"energy_mj": count * float(told["counter_resolution"]) / 1000}  # microjoules per count


def _ecc(told: dict[str, Any]) -> Answer:
    return {"ecc_corrected": int(told["correctable_count"]), "ecc_uncorrected": int(told["uncorrectable_count"])}


def _memory(told: dict[str, Any]) -> Answer:
    return {"memory_used_bytes": int(told["vram_used"]) << 20}


def _cap(told: dict[str, Any]) -> Answer:
    cap = int(told["power_cap"])
    return {"power_limit_w": cap / 1e6 if cap >= 10_000 else float(cap)}


def _processes(told: list[Any]) -> Answer:
    return {PROCESSES: [[int(p["pid"]), "compute", int(p["memory_usage"]["vram_mem"])] for p in told]}


_COMPUTE_MODES = ("", "SPX", "DPX", "TPX", "QPX", "CPX")


def _compute_partition(told: Any) -> Answer:
    if told not in _COMPUTE_MODES[1:]:
        return {"compute_partition": ("failed", f"answered {told!r}"[:100])}
    return {"compute_partition": _COMPUTE_MODES.index(told)}


def _memory_partition(told: Any) -> Answer:
    if not (isinstance(told, str) and told.startswith("NPS") and told[3:].isdecimal()):
        return {"memory_partition": ("failed", f"answered {told!r}"[:100])}
    return {"memory_partition": int(told[3:])}
