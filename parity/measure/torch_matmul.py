"""Knows how torch measures the dense matrix rate of each number format, and which formats a device has no units for."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from parity.measure.torch_devices import Operation, work
from parity.measure.work import NotMeasured, Work

if TYPE_CHECKING:
    from collections.abc import Callable

SIDES = (8192, 4096, 2048, 1024)
LARGEST_PART = 0.15  # of the measurement's time that one product may take
TF32_VARIABLE = "NVIDIA_TF32_OVERRIDE"  # read by cuBLAS itself
_NEEDED = {"tf32": (8, 0), "bf16": (8, 0), "fp16": (7, 0), "fp8": (8, 9), "fp4": (10, 0), "int8": (7, 5)}
_NOT_HERE = "only supported on"  # torch's words for a device without the units: FP8 on CDNA2, for one
BYTES_PER_CELL = 24  # two matrices and a result: of FP64, or narrower and the same again while they are converted
_PACKED = 2  # FP4 numbers in a byte
_FP4_ON_AMD = ("gfx950", "gfx1250")


def prepare(torch: Any, name: str, ordinal: int, free: int, seconds: float) -> Work:
    """Return the product of two random square matrices, the largest of a few sizes that memory and time allow.

    Raises:
        NotMeasured: this device or this torch has no such product.
    """
    kind = name.removeprefix("matmul_")
    _refuse(torch, kind, ordinal)
    restore = _tf32(torch, on=kind == "tf32") if kind in ("fp32", "tf32") else None
    try:
        side = _side(torch, kind, ordinal, free, seconds)
        run, held, label = _product(torch, kind, ordinal, side)
    except BaseException as error:
        if restore is not None:
            restore()
        if isinstance(error, RuntimeError) and _NOT_HERE in str(error):
            raise NotMeasured("not_supported", " ".join(str(error).split())[:300]) from error
        raise
    size = held[0].numel() * held[0].element_size()
    operation = Operation(
        run=run,
        held=held,
        amount=2.0 * side**3,
        unit="TOPS" if kind == "int8" else "TFLOPS",
        kernel=f"{label} {side}x{side}x{side}",
        size=size,
        restore=restore,
    )
    return work(torch, ordinal, operation)


def _refuse(torch: Any, kind: str, ordinal: int) -> None:
    if kind in ("fp32", "tf32") and os.environ.get(TF32_VARIABLE):
        raise NotMeasured(
            "not_supported", f"{TF32_VARIABLE} decides what FP32 products compute in, and cannot be asked"
        )
    if torch.version.hip:
        if kind == "tf32":  # allow_tf32 may then be ignored, and FP32 would be sold as TF32
            raise NotMeasured("not_supported", "torch on ROCm does not say whether it computes in TF32")
        arch = _gfx(torch, ordinal)
        if kind == "fp4" and arch not in _FP4_ON_AMD:
            raise NotMeasured("not_supported", f"{arch} has no FP4 matrix units ({_FP4_ON_AMD[0]} has)")
        return
    capability = tuple(torch.cuda.get_device_capability(ordinal))
    needed = _NEEDED.get(kind, (0, 0))
    if capability < needed:
        here, least = (".".join(map(str, pair)) for pair in (capability, needed))
        raise NotMeasured(
            "not_supported", f"compute capability {here} has no {kind.upper()} matrix units ({least} has)"
        )


def _tf32(torch: Any, *, on: bool) -> Callable[[], None]:
    """Allow TF32 or forbid it, in this process; return what undoes it."""
    settings = torch.backends.cuda.matmul
    before = settings.allow_tf32
    settings.allow_tf32 = on

    def restore() -> None:
        settings.allow_tf32 = before

    return restore


def _side(torch: Any, kind: str, ordinal: int, free: int, seconds: float) -> int:
    """Return the side of the matrices: one product must leave room for many timings."""
    sides = [side for side in SIDES if side * side * BYTES_PER_CELL <= free // 2]
    if not sides:
        raise NotMeasured("failed", "too little memory is free for a matrix product")
    small = min(sides[-1] * 2, sides[0])
    run, held, _ = _product(torch, kind, ordinal, small)
    run()  # loads the library and its kernels
    torch.cuda.synchronize(ordinal)
    start = time.monotonic()
    run()
    torch.cuda.synchronize(ordinal)
    took = time.monotonic() - start
    held.clear()
    return next((side for side in sides if took * (side / small) ** 3 <= LARGEST_PART * seconds), sides[-1])


def _product(torch: Any, kind: str, ordinal: int, side: int) -> tuple[Callable[[], Any], list[Any], str]:
    """Return what enqueues one product, the tensors it needs, and its name."""
    device = f"cuda:{ordinal}"
    if kind == "fp8":
        return _fp8(torch, ordinal, side)
    if kind == "fp4":
        return _fp4(torch, ordinal, side)
    if kind == "int8":
        if not hasattr(torch, "_int_mm"):
            raise NotMeasured("not_supported", "this torch has no _int_mm")
        a = torch.randint(-128, 128, (side, side), dtype=torch.int8, device=device)
        b = torch.randint(-128, 128, (side, side), dtype=torch.int8, device=device).t()
        held = [a, b]
        return (lambda: torch._int_mm(held[0], held[1])), held, "torch._int_mm"  # noqa: SLF001  (torch has no other)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp64": torch.float64}.get(kind, torch.float32)
    held = [torch.randn(side, side, dtype=dtype, device=device) for _ in range(2)]
    held.append(torch.empty(side, side, dtype=dtype, device=device))
    return (lambda: torch.matmul(held[0], held[1], out=held[2])), held, f"torch.matmul {kind}"


def _fp8(torch: Any, ordinal: int, side: int) -> tuple[Callable[[], Any], list[Any], str]:
    dialect = "float8_e4m3fn"
    if torch.version.hip and _gfx(torch, ordinal).startswith("gfx94"):
        dialect = "float8_e4m3fnuz"
    dtype = getattr(torch, dialect, None)
    if dtype is None or not hasattr(torch, "_scaled_mm"):
        raise NotMeasured("not_supported", f"this torch has no _scaled_mm of {dialect}")
    device = f"cuda:{ordinal}"
    a, b = (torch.randn(side, side, dtype=torch.bfloat16, device=device).to(dtype) for _ in range(2))
    one = torch.ones((), dtype=torch.float32, device=device)
    held = [a, b.t(), one]
    fast = not torch.version.hip
    label = f"torch._scaled_mm {dialect.removeprefix('float8_')}" + (", fast accumulation," if fast else "")

    def run() -> Any:
        return torch._scaled_mm(  # noqa: SLF001  (torch has no other)
            held[0], held[1], scale_a=held[2], scale_b=held[2], out_dtype=torch.bfloat16, use_fast_accum=fast
        )

    return run, held, label


def _fp4(torch: Any, ordinal: int, side: int) -> tuple[Callable[[], Any], list[Any], str]:
    """Two numbers to a byte, and a scale for each 16 of them (NVFP4) or, on AMD, 32 (MXFP4), all one.

    A scale's place in memory depends on the library; where all are alike it makes no difference.
    """
    block, scale, name = (32, "float8_e8m0fnu", "mxfp4") if torch.version.hip else (16, "float8_e4m3fn", "nvfp4")
    packed, of_scale = getattr(torch, "float4_e2m1fn_x2", None), getattr(torch, scale, None)
    if packed is None or of_scale is None or not hasattr(torch, "_scaled_mm"):
        raise NotMeasured("not_supported", "this torch has no _scaled_mm of float4_e2m1fn_x2")
    device = f"cuda:{ordinal}"
    a, b = (
        torch.randint(0, 256, (side, side // _PACKED), dtype=torch.uint8, device=device).view(packed) for _ in range(2)
    )
    scales = torch.ones(side * side // block, dtype=torch.float32, device=device).to(of_scale)
    held = [a, b.t(), scales]

    def run() -> Any:
        return torch._scaled_mm(  # noqa: SLF001  (torch has no other)
            held[0], held[1], scale_a=held[2], scale_b=held[2], out_dtype=torch.bfloat16, use_fast_accum=False
        )

    return run, held, f"torch._scaled_mm {name}"


def _gfx(torch: Any, ordinal: int) -> str:
    return str(torch.cuda.get_device_properties(ordinal).gcnArchName).partition(":")[0]
