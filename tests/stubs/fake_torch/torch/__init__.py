"""A torch of a few names, whose device exists in a JSON text: what each kernel takes, and what goes wrong when.

``FAKE_TORCH`` holds: ``devices`` (count), ``hip``, ``cuda`` (version or null), ``free`` (bytes), ``capability``, ``gbps``
and ``tflops`` (what the device delivers), ``wobble`` (fractions added to the times, in turn), ``fail`` (operation ->
``oom``, ``error``, ``units``, ``hang``, ``crash``), ``busy`` (devices that give no context), ``archs`` (that torch is built for), ``buses``, ``uuids``, ``log`` (a file: one line per operation kind).
"""

import json
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

_told = json.loads(os.environ["FAKE_TORCH"])
if "log" in _told and os.environ.get("CUDA_LAUNCH_BLOCKING"):
    Path(_told["log"]).write_text("blocking\n")
if _told.get("import") == "error":
    raise OSError("libtorch_cuda.so: cannot open shared object file")
if _told.get("import") == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)

__version__ = _told.get("version", "2.9.0+cu128")
version = SimpleNamespace(cuda=_told.get("cuda", "12.8"), hip=_told.get("hip"))
float64, float32, float16, bfloat16, int8, uint8 = "float64", "float32", "float16", "bfloat16", "int8", "uint8"
float8_e4m3fn, float8_e4m3fnuz, float8_e8m0fnu = "float8_e4m3fn", "float8_e4m3fnuz", "float8_e8m0fnu"
float4_e2m1fn_x2 = "float4_e2m1fn_x2"
_SIZES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}  # a byte else
_now = SimpleNamespace(clock_s=0.0, operations=0, device=0)  # of the device, and which one is the current
_held = [0]  # bytes of living tensors on devices
_most = [0]


class OutOfMemoryError(RuntimeError):
    pass


def _log(line):
    if "log" in _told:
        with Path(_told["log"]).open("a") as file:
            file.write(line + "\n")


def _spend(operation, seconds):
    what = _told.get("fail", {}).get(operation)
    if what == "oom":
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")
    if what == "error":
        _told["dead"] = _told.get("fatal", False)
        raise RuntimeError("CUDA error: uncorrectable ECC error encountered")
    if what == "units":
        raise RuntimeError(
            "torch._scaled_mm is only supported on CUDA devices with compute capability >= 9.0 or 8.9, or ROCm MI300+"
        )
    if what == "hang":
        if os.environ.get("STUB_HANGS"):
            Path(os.environ["STUB_HANGS"], str(os.getpid())).touch()
        time.sleep(1000)
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    wobble = _told.get("wobble", [0.0])
    _now.clock_s += seconds * (1 + wobble[_now.operations % len(wobble)])
    _now.operations += 1
    time.sleep(_told.get("sleep", 0.0))


class Tensor:
    def __init__(self, count, dtype, device, shape=()):
        self.count, self.dtype, self.device, self.shape = count, dtype, device, shape
        self.bytes = count * _SIZES.get(dtype, 1)
        if device != "cpu":
            if _held[0] + self.bytes > _told.get("free", 80 << 30):
                raise OutOfMemoryError("CUDA out of memory. Tried to allocate more than there is")
            _held[0] += self.bytes
            _most[0] = max(_most[0], _held[0])

    def __del__(self):
        if getattr(self, "device", "cpu") != "cpu":
            _held[0] -= self.bytes

    def numel(self):
        return self.count

    def element_size(self):
        return _SIZES.get(self.dtype, 1)

    def uniform_(self):
        self.random = True
        return self

    def t(self):
        return self

    def to(self, dtype):
        return Tensor(self.count, dtype, self.device, self.shape)

    def view(self, dtype):
        assert (self.dtype, dtype) == (uint8, float4_e2m1fn_x2)
        return self.to(dtype)

    def __getitem__(self, _):
        return 0.5

    def fill_(self, value):
        assert value == 0.5
        _spend("fill", self.bytes / (_told["gbps"] * 1e9))

    def add_(self, value):
        assert self.count == 1
        _spend("add", 3e-6)

    def copy_(self, other, non_blocking=False):
        assert self.count == other.count
        link = (
            "peer" if "cpu" not in (self.device, other.device) else "to_device" if other.device == "cpu" else "to_host"
        )
        if non_blocking:
            _spend(link, self.bytes / {"peer": 400e9, "to_device": 55e9, "to_host": 50e9}[link])


def empty(*shape, dtype=float32, device="cpu", pin_memory=False):
    assert device != "cpu" or pin_memory
    count = 1
    for side in shape:
        count *= side
    return Tensor(count, dtype, device, shape)


def empty_like(other):
    return Tensor(other.count, other.dtype, other.device, other.shape)


def _matrix(*shape, dtype=float32, device="cpu"):
    return empty(*shape, dtype=dtype, device=device)


randn = zeros = _matrix


def ones(shape, dtype=float32, device="cpu"):
    return Tensor(shape or 1, dtype, device)


def randint(low, high, shape, dtype=int8, device="cpu"):
    assert (low, high) == {int8: (-128, 128), uint8: (0, 256)}[dtype]
    return empty(*shape, dtype=dtype, device=device)


def neg(source, out):
    assert source.random
    assert out.count == source.count
    _spend("neg", 2 * source.bytes / (_told["gbps"] * 1e9))


def sum(source):  # noqa: A001  (torch calls it so)
    _spend("sum", source.bytes / (_told["gbps"] * 1e9))


def _multiply(kind, a):
    _log(f"{kind} {a.shape[0]} {backends.cuda.matmul.allow_tf32}")
    _spend(kind, 2.0 * a.shape[0] ** 3 / (_told["tflops"] * 1e12))


def matmul(a, b, out):
    assert a.dtype == b.dtype == out.dtype
    _multiply(a.dtype, a)


def _scaled_mm(a, b, scale_a, scale_b, out_dtype, use_fast_accum):
    _log(f"fast {use_fast_accum}")
    scales, block = {  # as torch demands: one number, or one for each 16 or 32 of a row
        float4_e2m1fn_x2: (float8_e8m0fnu, 32) if version.hip else (float8_e4m3fn, 16),
    }.get(a.dtype, (float32, None))
    numbers = a.count * (2 if a.dtype == float4_e2m1fn_x2 else 1)
    for scale in (scale_a, scale_b):
        if (scale.dtype, scale.count) != (scales, numbers // block if block else 1):
            raise RuntimeError("Invalid scaling configuration.")
    if use_fast_accum and a.dtype == float4_e2m1fn_x2:
        raise RuntimeError("`use_fast_accum` is not supported")
    _multiply(a.dtype, a)


def _int_mm(a, b):
    _multiply("int8", a)


class _Event:
    def __init__(self, enable_timing):
        assert enable_timing

    def record(self):
        _log(f"on {_now.device}")
        self.at = _now.clock_s

    def synchronize(self):
        pass

    def elapsed_time(self, other):
        return _told.get("elapsed", 1e3 * (other.at - self.at))


class _Device:
    def __init__(self, ordinal):
        assert 0 <= ordinal < _told["devices"]
        if ordinal in _told.get("busy", ()):
            raise RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable")

        self.ordinal = ordinal

    def __enter__(self):
        self.before, _now.device = _now.device, self.ordinal

    def __exit__(self, *_):
        _now.device = self.before


def _properties(ordinal):
    told = {"name": "NVIDIA H100 80GB HBM3", "L2_cache_size": 50 << 20, "gcnArchName": _told.get("gcn", "")}
    if "uuids" in _told:
        told["uuid"] = _told["uuids"][ordinal]
    if "buses" in _told:
        told |= {"pci_domain_id": 0, "pci_bus_id": _told["buses"][ordinal], "pci_device_id": 0}
    return SimpleNamespace(**told)


def _synchronize(ordinal):
    if _told.get("dead") or ordinal in _told.get("busy", ()):
        raise RuntimeError("CUDA error: context is destroyed")


def _empty_cache():
    _log(f"on {_now.device}")
    _log(f"free {_held[0]} most {_most[0]}")


cuda = SimpleNamespace(
    Event=_Event,
    OutOfMemoryError=OutOfMemoryError,
    can_device_access_peer=lambda a, b: _told.get("peers", True),
    device=_Device,
    device_count=lambda: _told["devices"],
    empty_cache=_empty_cache,
    get_arch_list=lambda: _told.get("archs", []),
    get_device_capability=lambda ordinal: tuple(_told.get("capability", (9, 0))),
    get_device_properties=_properties,
    is_available=lambda: _told.get("available", True),
    mem_get_info=lambda ordinal: (_told.get("free", 80 << 30) - _held[0], 80 << 30),
    synchronize=_synchronize,
)
backends = SimpleNamespace(cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=False)))
