"""Knows how torch measures memory, transfers and launches, on CUDA and ROCm alike. Imported in the child only."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from parity.measure import torch_devices, torch_matmul
from parity.measure.sizes import memory_buffer_bytes, transfer_bytes
from parity.measure.work import NotMeasured, Work
from parity.model.measurement import LAUNCH, MATMUL, PEER

if TYPE_CHECKING:
    from collections.abc import Callable

FLOAT_BYTES = 4


def open_torch() -> TorchBackend:
    """Return the backend.

    Raises:
        NotMeasured: torch is not installed, does not load, is built without GPU support, or sees no GPU.
    """
    if importlib.util.find_spec("torch") is None:
        raise NotMeasured("library_missing", "torch is not installed")
    try:
        import torch
    except Exception as error:  # a broken installation raises anything
        raise NotMeasured("failed", f"torch cannot be imported: {type(error).__name__}: {error}"[:300]) from error
    version = torch.__version__
    if not torch.version.cuda and not torch.version.hip:
        raise NotMeasured("not_supported", f"torch {version} is built without GPU support")
    if not torch.cuda.is_available():
        raise NotMeasured("not_supported", f"torch {version} sees no GPU")
    foreign = [torch_devices.without_kernels(torch, ordinal) for ordinal in range(torch.cuda.device_count())]
    if foreign and all(foreign):
        raise NotMeasured("not_supported", f"torch {version} has no kernels for {foreign[0]}")
    return TorchBackend(torch)


class TorchBackend:
    """Runs torch's own kernels.

    Args:
        torch: the module.
    """

    def __init__(self, torch: Any) -> None:
        """Touch no device."""
        self._torch = torch
        self.name = f"torch {torch.__version__}"

    def devices(self) -> list[dict[str, Any]]:
        """Return the devices that torch sees, in its order."""
        return torch_devices.told(self._torch)

    def release(self, ordinal: int) -> None:
        """Give the blocks back that torch keeps of tensors that are gone: the next measurement asks what is free."""
        torch_devices.empty_cache(self._torch, ordinal)

    def is_usable(self, ordinal: int) -> bool:
        """Return whether the device still answers."""
        try:
            self._torch.cuda.synchronize(ordinal)
        except Exception:
            return False
        return True

    def prepare(self, name: str, ordinal: int, peer: int | None, cache_bytes: int, seconds: float) -> Work:
        """Return the work of one measurement.

        Args:
            name: ``dram_copy``, ``matmul_bf16``, ...
            ordinal: torch's number of the device.
            peer: the other device's, for ``peer_to_peer``.
            cache_bytes: what the parent knows of the caches.
            seconds: the measurement's share of the budget.
        """
        torch = self._torch
        with torch.cuda.device(ordinal):
            free = torch_devices.free_bytes(torch, ordinal)
            if name in MATMUL:
                return torch_matmul.prepare(torch, name, ordinal, free, seconds)
            if name == LAUNCH:
                return self._launch(ordinal)
            if name == PEER:
                return self._peer(ordinal, peer, free)
            if name in ("host_to_device", "device_to_host"):
                return self._host(name, ordinal, free)
            return self._dram(name, ordinal, cache_bytes, free)

    def _dram(self, name: str, ordinal: int, cache_bytes: int, free: int) -> Work:
        """``copy_`` would be the driver's memcpy, which reaches less than a kernel does (pytorch/pytorch#161518)."""
        torch = self._torch
        cache = max(cache_bytes, torch_devices.l2_bytes(torch, ordinal))
        buffers = 2 if name == "dram_copy" else 1
        size = memory_buffer_bytes(cache_bytes=cache, free_bytes=free, buffers=buffers)
        device, count = f"cuda:{ordinal}", size // FLOAT_BYTES
        source = torch.empty(count, dtype=torch.float32, device=device).uniform_()
        held = [source]
        run: Callable[[], Any]
        if name == "dram_copy":
            target = torch.empty_like(source)
            held.append(target)
            run, label, amount = (lambda: torch.neg(source, out=target)), "torch.neg float32", 2 * size
        elif name == "dram_read":
            run, label, amount = (lambda: torch.sum(source)), "torch.sum float32", size
        else:
            value = float(source[0])
            run, label, amount = (lambda: source.fill_(value)), "torch.Tensor.fill_ float32", size
        return self._timed(ordinal, run, held, amount, label)

    def _host(self, name: str, ordinal: int, free: int) -> Work:
        torch = self._torch
        size = transfer_bytes(free)
        on_device = torch.empty(size // FLOAT_BYTES, dtype=torch.float32, device=f"cuda:{ordinal}").uniform_()
        on_host = torch.empty(size // FLOAT_BYTES, dtype=torch.float32, pin_memory=True)
        on_host.copy_(on_device)
        source, target = (on_host, on_device) if name == "host_to_device" else (on_device, on_host)
        held = [on_device, on_host]
        label = "torch.Tensor.copy_ of pinned memory"
        return self._timed(ordinal, lambda: target.copy_(source, non_blocking=True), held, size, label)

    def _peer(self, ordinal: int, peer: int | None, free: int) -> Work:
        """From ``ordinal`` to ``peer``; torch runs such a copy on the source's stream, where the events are."""
        torch = self._torch
        assert peer is not None  # a pair has two
        if not torch.cuda.can_device_access_peer(ordinal, peer):
            raise NotMeasured(
                "not_supported", "the driver allows no access from one to the other: copies go by the host"
            )
        size = transfer_bytes(min(free, torch_devices.free_bytes(torch, peer)))
        source = torch.empty(size // FLOAT_BYTES, dtype=torch.float32, device=f"cuda:{ordinal}").uniform_()
        target = torch.empty(size // FLOAT_BYTES, dtype=torch.float32, device=f"cuda:{peer}")
        label = "torch.Tensor.copy_ between devices"
        held = [source, target]
        return self._timed(ordinal, lambda: target.copy_(source, non_blocking=True), held, size, label)

    def _launch(self, ordinal: int) -> Work:
        one = self._torch.zeros(1, dtype=self._torch.float32, device=f"cuda:{ordinal}")
        label = "torch.Tensor.add_ of one float32, torch's own overhead included"
        operation = torch_devices.Operation(run=lambda: one.add_(1.0), held=[one], amount=0, unit="us", kernel=label)
        return torch_devices.work(self._torch, ordinal, operation)

    def _timed(self, ordinal: int, run: Callable[[], Any], held: list[Any], amount: int, label: str) -> Work:
        size = held[0].numel() * FLOAT_BYTES
        operation = torch_devices.Operation(run=run, held=held, amount=amount, unit="GB/s", kernel=label, size=size)
        return torch_devices.work(self._torch, ordinal, operation)
