"""Which kernels ran: recorded lists of events, expectations, and every way not to know."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from parity.cli.generate import kernel_names, plugin_kernel_names
from pytest_parity.kernel_names import backend_of, fits, is_of, misspelt
from pytest_parity.kernels import Kernels, KernelsReplacedWarning, names_of, short

if TYPE_CHECKING:
    from collections.abc import Callable

# Names as profilers print them, one per backend.
NAMES = {
    "cudnn": "cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_7_64x128x128_4x1x1",
    "flash-attn-4": "kernel_cutlass_kernel_flash_attncuteflash_fwd_sm100FlashAttentionForwardSm100_object_at__t",
    "flash-attn-3": "void cutlass::device_kernel<flash::enable_sm90<flash::FlashAttnFwdSm90<flash::Main> > >(P)",
    "torch-flash": "void pytorch_flash::flash_fwd_kernel<Flash_fwd_kernel_traits<128, 64>, false>(Params)",
    "flash-attn": "void flash::flash_fwd_splitkv_kernel<Flash_fwd_kernel_traits<128, 64>, false>(Params)",
    "torch-efficient": "fmha_cutlassF_bf16_aligned_64x128_rf_sm80(PyTorchMemEffAttention::Params)",
    "flashinfer": "void flashinfer::BatchDecodeWithPagedKVCacheKernel<2, 8>(Params)",
    "cublas": "nvjet_tst_128x256_64x6_2x1_2cta_v_bz_TNT",
    "nccl": "ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgs)",
    "inductor-triton": "triton_poi_fused_add_0",
    "cute-dsl": "kernel_cutlass_topk_reduce_1",
    "cutlass": "void cutlass::Kernel2<cutlass_80_tensorop>(Params)",
}


@pytest.mark.parametrize(("wanted", "name"), NAMES.items())
def test_a_name_tells_its_backend_and_no_other(wanted: str, name: str) -> None:
    found = backend_of(name)
    assert found is not None
    assert found.id == wanted
    assert [one for one in NAMES if is_of(name, one)] == [wanted]


def test_every_backend_of_the_data_is_tried_and_sourced() -> None:
    known = kernel_names()
    assert [one.id for one in known.backends] == list(NAMES)
    assert {one.source for one in known.backends} == set(known.sources)


def test_the_plugins_copy_is_the_data() -> None:
    copy = Path(sys.modules["pytest_parity.kernel_names"].__file__ or "").with_name("kernel_names.json")
    assert copy.read_text(encoding="utf-8") == plugin_kernel_names()
    assert json.loads(plugin_kernel_names())["backends"]


def test_a_name_that_tells_nothing() -> None:
    assert backend_of("my_kernel") is None
    assert backend_of("") is None


@pytest.mark.parametrize(
    ("kernel", "pattern", "expected"),
    [("ab[c]?d", "[c]?", True), ("abc", "[abc]", False), ("flash_fwd_x_sm90", "flash*sm90", True), ("ABC", "abc", False)],
)  # fmt: skip
def test_a_pattern_is_a_text_with_stars(kernel: str, pattern: str, expected: bool) -> None:
    assert fits(kernel, pattern) == expected


def test_a_misspelt_word_is_told() -> None:
    assert misspelt("flash-attn-5").startswith("no backend is called 'flash-attn-5'; there are cudnn, flash-attn-4")
    assert misspelt(" ") == "an empty pattern fits every kernel"
    assert [misspelt(word) for word in ("flash-attn-3", "flash_fwd_kernel", "a-b*")] == ["", "", ""]


def event(name: str, where: str = "CUDA", **more: object) -> SimpleNamespace:
    return SimpleNamespace(name=name, device_type=f"DeviceType.{where}", **more)


def test_copies_fills_ranges_and_operators_are_no_kernels() -> None:
    events = [
        event("aten::mm", "CPU"),
        event("Memcpy HtoD (Pageable -> Device)"),
        event("Memset (Device)"),
        event("my range", is_user_annotation=True),
        event("nvjet_a"),
        SimpleNamespace(),
        event("nvjet_a"),
    ]
    assert names_of(events) == (["nvjet_a", "nvjet_a"], ["aten::mm"])


def test_a_long_name_is_cut() -> None:
    assert short("void   k<" + "x" * 200 + ">(a)") == "k<" + "x" * 85 + "..."
    assert short("(anonymous namespace)::f(int)") == "(anonymous namespace)::f(int)"


class FakeProfiler:
    """Stands for ``torch.profiler.profile``: gives recorded events."""

    def __init__(self, events: list[Any], broken: str = "") -> None:
        self.recorded, self.broken = events, broken
        self.activities: list[str] = []

    def __call__(self, *, activities: list[str]) -> FakeProfiler:
        self.activities = activities
        return self

    def __enter__(self) -> FakeProfiler:  # noqa: PYI034
        if self.broken == "start":
            raise RuntimeError("CUPTI is busy")
        return self

    def __exit__(self, *_: object) -> None:
        if self.broken == "stop":
            raise RuntimeError("lost")

    def events(self) -> list[Any]:
        return self.recorded


Torch = "Callable[..., FakeProfiler]"


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeProfiler]:
    """Put a fake torch into ``sys.modules``."""

    def make(*names: str, gpu: bool = True, cuda: bool = True, broken: str = "") -> FakeProfiler:
        profiler = FakeProfiler([event(name) for name in names], broken)
        if not gpu:
            profiler.recorded = [event(name, "CPU") for name in names]
        kinds = SimpleNamespace(CPU="cpu", CUDA="cuda")
        fake: Any = ModuleType("torch")
        fake.profiler = SimpleNamespace(
            profile=profiler,
            ProfilerActivity=kinds,
            supported_activities=lambda: {"cpu", "cuda"} if cuda else {"cpu"},
        )
        synchronized: list[int] = []
        fake.cuda = SimpleNamespace(
            is_available=lambda: gpu, is_initialized=lambda: True, synchronize=lambda: synchronized.append(1)
        )
        fake.synchronized = synchronized
        monkeypatch.setitem(sys.modules, "torch", fake)
        return profiler

    return make


@pytest.fixture
def kernels() -> Kernels:
    return Kernels(SimpleNamespace(user_properties=[]))  # type: ignore[arg-type]


def test_what_ran_is_counted_and_named(torch: Any, kernels: Kernels) -> None:
    profiler = torch(NAMES["flash-attn-3"], NAMES["cublas"], NAMES["cublas"], "mine")
    with kernels as ran:
        pass
    assert (ran.unknown, ran.counts["mine"], profiler.activities) == ("", 1, ["cuda"])
    assert ran.backends() == {"flash-attn-3": 1, "cublas": 2}
    assert sys.modules["torch"].synchronized == [1]  # type: ignore[attr-defined]
    assert ran.shown().startswith("2 x nvjet_tst_128x256_64x6_2x1_2cta_v_bz_TNT (cuBLAS); 1 x cutlass::device_kernel<")


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_the_backend_that_was_asked_for_ran(torch: Any, kernels: Kernels, when: str) -> None:
    torch(NAMES["flash-attn-3"])
    asked = ("flash-attn-3", "FlashAttnFwd*")
    if when == "before":
        kernels.expect(*asked, absent=["torch-flash"])
    with kernels:
        if when == "within":
            kernels.expect(*asked, absent=["torch-flash"])
    if when == "after":
        kernels.expect(*asked, absent=["torch-flash"])
    kernels.finish()


@pytest.mark.parametrize("when", ["before", "after"])
def test_another_backend_ran_instead(torch: Any, kernels: Kernels, when: str) -> None:
    torch(NAMES["torch-flash"])
    message = (
        "parity_kernels: flash-attn-3 did not run and flash_fwd_kernel ran; what ran: 1 x "
        "pytorch_flash::flash_fwd_kernel<Flash_fwd_kernel_traits<128, 64>, false> (FlashAttention 2 of torch)"
    )

    def asked() -> None:
        kernels.expect("flash-attn-3", absent=["flash_fwd_kernel"])

    def worked() -> None:
        with kernels:
            pass

    first, second = (asked, worked) if when == "before" else (worked, asked)
    first()
    with pytest.raises(pytest.fail.Exception) as failed:
        second()
    assert str(failed.value) == message
    assert kernels._node.user_properties == [("parity_kernels", message.removeprefix("parity_kernels: "))]


def test_annotating_warns_and_goes_on(torch: Any, kernels: Kernels) -> None:
    torch("mine")
    with pytest.warns(KernelsReplacedWarning, match="flash-attn-3 did not run; what ran: 1 x mine"), kernels:
        kernels.expect("flash-attn-3", on_mismatch="annotate")
    assert kernels._node.user_properties


@pytest.mark.parametrize(
    ("making", "why"),
    [
        ({"gpu": False}, "torch sees no GPU"),
        ({"cuda": False}, "torch was built without a profiler for its GPUs"),
        ({"broken": "start"}, "torch's profiler did not start: RuntimeError: CUPTI is busy"),
        ({"broken": "stop"}, "torch's profiler gave no answer: RuntimeError: lost"),
        ({}, "the profiler saw no kernel: none ran, or another profiler holds the GPU's counters"),
    ],
)
def test_what_cannot_be_seen_is_unknown_and_never_met(
    torch: Any, kernels: Kernels, making: dict[str, Any], why: str
) -> None:
    torch(**making)
    with kernels:
        pass
    assert (kernels.unknown, dict(kernels.counts)) == (why, {})
    for absent in ((), ("flash-attn",)):
        with pytest.raises(pytest.fail.Exception, match="which kernels ran is unknown"):
            kernels.expect(*(() if absent else ("flash-attn",)), absent=absent)
    with pytest.raises(pytest.skip.Exception):
        kernels.expect("flash-attn", on_unknown="skip")
    with pytest.warns(KernelsReplacedWarning):
        kernels.expect("flash-attn", on_unknown="annotate")


def test_operators_are_kept_where_only_the_host_is_seen(torch: Any, kernels: Kernels) -> None:
    torch("aten::mm", gpu=False)
    with kernels:
        pass
    assert dict(kernels.operators) == {"aten::mm": 1}


def test_torch_is_not_imported_unless_asked_for(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with kernels:
        assert "torch" not in sys.modules
    assert kernels.unknown == "torch is not imported by the test; its profiler tells which kernels run"


def test_an_interval_that_never_was_is_no_success(kernels: Kernels) -> None:
    kernels.expect("flash-attn")
    with pytest.raises(pytest.fail.Exception, match="nothing was recorded: use `with parity_kernels:`"):
        kernels.finish()


def test_an_error_of_the_work_goes_first(torch: Any, kernels: Kernels) -> None:
    torch("mine")
    kernels.expect("flash-attn")
    with pytest.raises(ZeroDivisionError), kernels:
        _ = 1 / 0
    kernels.finish()


def test_a_second_interval_forgets_the_first(torch: Any, kernels: Kernels) -> None:
    torch("first")
    with kernels:
        pass
    torch("second")
    with kernels():
        pass
    assert list(kernels.counts) == ["second"]


@pytest.mark.parametrize(
    ("words", "more", "message"),
    [
        ((), {}, "say what must run, or must not"),
        (("flash-attn-9",), {}, "no backend is called 'flash-attn-9'"),
        (("",), {}, "an empty pattern fits every kernel"),
        (("a",), {"on_mismatch": "ignore"}, "'ignore' is none of fail, annotate"),
        (("a",), {"on_unknown": "pass"}, "'pass' is none of fail, skip, annotate"),
    ],
)
def test_misuse(kernels: Kernels, words: tuple[str, ...], more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernels.expect(*words, **more)
