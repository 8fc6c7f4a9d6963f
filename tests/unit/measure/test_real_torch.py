"""What is asked of torch, held against the checks of a real one, on devices that it only pretends to have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from parity.measure import torch_matmul
from parity.model.measurement import MATMUL

if TYPE_CHECKING:
    from collections.abc import Iterator

torch = pytest.importorskip("torch", reason="torch is not installed", exc_type=ImportError)
KINDS = tuple(name.removeprefix("matmul_") for name in MATMUL)


@pytest.fixture
def pretended() -> Iterator[None]:
    fake = pytest.importorskip("torch._subclasses.fake_tensor", reason="this torch pretends nothing")
    with fake.FakeTensorMode(allow_non_fake_inputs=True):
        yield


def on(monkeypatch: pytest.MonkeyPatch, *, hip: str | None, gfx: str = "") -> None:
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(gcnArchName=gfx))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("hip", "gfx"), [(None, ""), ("7.0", "gfx950"), ("6.4", "gfx942:sramecc+")])
def test_torch_takes_every_product(monkeypatch: pytest.MonkeyPatch, kind: str, hip: str | None, gfx: str) -> None:
    if kind == "fp4" and gfx.startswith("gfx942"):
        pytest.skip("refused before torch is asked")
    on(monkeypatch, hip=hip, gfx=gfx)
    run, held, label = torch_matmul._product(torch, kind, 0, 1024)
    result: Any = run()
    assert tuple(result.shape) == (1024, 1024), label
    assert result.dtype == {"fp8": torch.bfloat16, "fp4": torch.bfloat16, "int8": torch.int32}.get(kind, held[0].dtype)
    assert held[0].numel() * held[0].element_size() == 1024 * 1024 * {"fp64": 8, "fp32": 4, "tf32": 4, "fp4": 0.5}.get(
        kind, 2 if kind in ("bf16", "fp16") else 1
    )


def test_what_copies_reads_and_writes_memory_is_there() -> None:
    source = torch.empty(1024, dtype=torch.float32).uniform_()
    target = torch.empty_like(source)
    assert torch.neg(source, out=target) is target
    assert float(torch.sum(source)) == pytest.approx(-float(torch.sum(target)))
    assert float(source.fill_(0.5)[7]) == 0.5
