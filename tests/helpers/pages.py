"""One page of every kind, and the same filled with hostile text, for tests in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import golden
import machines
import models
import msgspec
import runs

from parity.catalog import store
from parity.compare.column import column_of_target
from parity.compare.comparison import compare
from parity.model.coverage import JudgedLibrary, KernelsReport, LibraryRegions, LibraryVerdict, PackageVerdict
from parity.model.interval import Interval, IntervalFinding, Series, Tenancy, Throttle, WatchedDevice
from parity.model.lint import LintFinding, LintReport, LintUnknown
from parity.model.watch import Overhead, RecordedDevice, WatchReport
from parity.reports.html import compare as compare_page
from parity.reports.html import doctor, kernels, lint, model, run
from parity.reports.html import watch as watch_page
from parity.verdict.bound import bound_of
from parity.watching.strip import Strip
from parity.workload.estimate import estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.model.compare import Comparison

ENDLESS = "</script>" + "W" * 3000


def page(name: str) -> str:
    """Return a page by its name."""
    return _PAGES[name]()


def _verdict(case: str) -> str:
    return doctor.render(golden.verdict(case), doctor.facts_of(machines.target(golden.target_of(case))))


def _model() -> str:
    question = models.question("llama-3.1-70b", "2xh100", here="rtx-4090", context=32768, batch=8)
    return model.render(estimate(question, source="config.json"))


def compared(*names: str) -> Comparison:
    """Return the comparison of parts of the catalog."""
    assert store.index()
    return compare([column_of_target(machines.target(name), asked=name, of_project=False) for name in names])


def lint_report(text: str) -> LintReport:
    """Return a report of two findings in a file of this name."""
    found = [
        LintFinding(rule=rule, severity="error", path=text, line=1, column=8, end_line=1, end_column=12, message=text,
                    mend=text) for rule in ("arch-list-invalid", "arch-list-lacks-target")
    ]  # fmt: skip
    unknown = LintUnknown(path=text, line=2, what=text, why=text)
    return LintReport(files=1, findings=tuple(found), unknowns=(unknown,), skipped_rules=(text,), exit_status=1)


def kernels_report(name: str) -> KernelsReport:
    """Return a report of a package whose code is exact for the target, and of one that lacks it."""
    library = JudgedLibrary(
        path=f"/site/{name}.so", package=name, version="2.8", size_bytes=45_000_000, counts={"sm_90": 7, "sm_80": 70},
        verdict=LibraryVerdict(target="native-exact", here="ptx-jit"),
        coverage=LibraryRegions(target={"native-exact": 7}, here={"ptx-jit": 7}), problems=(name,),
    )  # fmt: skip
    packages = (
        PackageVerdict(package=name, version="2.8", target="native-exact", here="ptx-jit", differs=(f"{name}: 3",)),
        PackageVerdict(package="old", version="0.1", target="none", here="native-compatible", lacking=(name,)),
    )
    return KernelsReport(target="sm_90", here="sm_89", packages=packages, libraries=(library,), silent=("numpy",),
                         files=12, bytes=9_000_000, exit_status=1)  # fmt: skip


def watched_run() -> Any:
    """Return a run of thirty watched tests on two devices, three of which throttled."""
    tests = []
    for number in range(30):
        state = "disturbed" if number in (11, 12, 20) else "unknown" if number == 25 else "clean"
        tests.append(runs.perf_test(f"test_gemm[{number}]", conditions=_conditions(number, state)))
    verdicts = [
        msgspec.json.decode(msgspec.json.encode(golden.verdict(case))) for case in ("production", "workstation")
    ]
    return runs.run(*tests, runs.off_target("test_decode"), verdicts=verdicts, exit_status=1)


def measured_run() -> Any:
    """Return a run whose tests timed work of many intensities, some of it where peaks are not known."""
    tests = []
    for number in range(14):
        moved = 3e8 * (1 + number % 4)
        work = runs.measure(bytes=moved, flops=moved * 3.0 ** (number - 3))
        tests.append(runs.perf_test(f"test_attention[{number}]", rooflines=[work]))
    odd = [runs.measure(dtype="int8", here={"name": "rtx-4090"}), runs.measure(flops=0.0), runs.measure(seconds=1e-4)]
    return runs.run(*tests, runs.perf_test("test_odd", rooflines=odd, more_rooflines=2))


def _conditions(number: int, state: str) -> dict[str, Any]:
    clock = 1400.0 if state == "disturbed" else 1900.0 + number

    def series(low: float, high: float) -> Series:
        return Series(begin=low, end=high, min=low, max=high, mean=(low + high) / 2, samples=9)

    devices = tuple(
        WatchedDevice(
            label=f"GPU {index} (NVIDIA H100 80GB HBM3)",
            index=index,
            vendor="nvidia",
            series={
                "clock_sm_mhz": series(clock - 90, clock),
                "power_draw_w": series(120.0, 640.0 + number),
                "power_limit_w": series(700.0, 700.0),
                "temperature_c": series(44.0, 60.0 + number),
            },
            settings={"clock_max_mhz": 1980.0},
            throttled=(Throttle(cause="sw-thermal", seconds=0.3, share=0.26),) if state == "disturbed" else (),
            throttle_known=True,
            tenancy=Tenancy(ids_known=True),
        )
        for index in range(2)
    )
    found = (IntervalFinding(**runs.THROTTLED),) if state == "disturbed" else ()
    made = Interval(test="t", state="clean", seconds=1.2, samples=9, devices=devices, findings=found)
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made))
    return {**plain, "state": state}


def watch_report(name: str = "python train.py", *, samples: int = 900, lost: str = "") -> WatchReport:
    """Return a recording of two devices that work and pause by turns; one is throttled now and then."""
    interval = msgspec.convert(_conditions(1, "disturbed"), Interval)
    peaks = {"memory_bandwidth_gbps": 3352.0, "tflops_bf16": 989.4}
    devices = []
    for number, watched in enumerate(interval.devices):
        strip = Strip(256)
        for place in range(samples):
            busy = place // 60 % 3 > 0
            values = {
                "sm_activity": 0.9 * busy, "dram_active": 0.8 * busy, "tensor_active": 0.3 * busy, "fp64_active": 0.0,
                "pcie_tx_mib_s": 1200.0 * busy, "clock_sm_mhz": 1755.0 + place % 30 if busy else 345.0,
                "power_draw_w": 640.0 if busy else 90.0, "throttled.sw-thermal": 0.4 * (busy and place % 7 == number),
            }  # fmt: skip
            strip.add(0.1 * (place + 1), values, busy=busy)
        use = strip.use()
        bound = bound_of(use, here=("h100", peaks), target=("half", {key: one / 2 for key, one in peaks.items()}))
        devices.append(
            RecordedDevice(
                label=watched.label,
                id=f"nvml:{number}",
                use=use,
                busy_share=0.667,
                bound=bound,
                timeline=strip.timeline(),
            )
        )
    return WatchReport(
        command=(*name.split(" "),), started="2026-01-01T00:00:00+00:00", seconds=samples / 10, exit_status=0,
        interval=interval, devices=tuple(devices), target="half", lost=lost, watched_until_s=samples / 10,
        overhead=Overhead(watcher_cpu_s=0.5, watcher_start_cpu_s=0.1, parity_cpu_s=0.04, core=1),
    )  # fmt: skip


_PAGES: dict[str, Callable[[], str]] = {
    "doctor": lambda: _verdict("workstation"),
    "mixed": lambda: _verdict("mixed"),
    "unknown": lambda: _verdict("unknown"),
    "model": _model,
    "compare": lambda: compare_page.render(compared("h100", "mi300x", "rtx-4090")),
    "lint": lambda: lint.render(lint_report("build.sh"), {"build.sh": "export ARCH=90"}),
    "endless": lambda: lint.render(lint_report(ENDLESS), {ENDLESS: f"export {ENDLESS}"}),
    "kernels": lambda: kernels.render(kernels_report("flash-attn")),
    "run": lambda: run.render(watched_run()),
    "run-roofline": lambda: run.render(measured_run()),
    "watch": lambda: watch_page.render(watch_report()),
    "not-judged": lambda: run.render(runs.case("not-judged")),
}
NAMES = tuple(_PAGES)
