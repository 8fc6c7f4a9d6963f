"""Contents of tuned tables: AITER's and TunableOp's CSV, JSON, and what is none of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.binaries import tuned_tables
from parity.binaries.tuned_tables import literal_dict, read_table

AITER = "aiter/configs/a8w8_tuned_gemm.csv"
TUNABLE = "tunableop_results0.csv"
MOE = "vllm/configs/E=8,N=2,device_name=NVIDIA_H20.json"
VALIDATORS = "Validator,PT_VERSION,2.9.1\nValidator,GCN_ARCH_NAME,gfx942:sramecc+:xnack-\n"


def test_aiter_rows_are_keyed_by_gfx_and_cu_count() -> None:
    text = "gfx,cu_num,M,N,K,kernelId,us\ngfx950,256,1,2,3,7,9.5\ngfx942,304,1,2,3,8,9.5\n\n"
    found = read_table(AITER, text.encode())
    assert found.problem == ""
    assert [(one.gfx, one.cu_count, one.shape) for one in found.entries] == [
        ("gfx950", 256, "M=1,N=2,K=3"),
        ("gfx942", 304, "M=1,N=2,K=3"),
    ]


def test_older_aiter_rows_have_a_cu_count_alone() -> None:
    (entry,) = read_table(AITER, b"cu_num,M,N,K,q_dtype_w,us\n80,1,2,3,torch.int8,4\n").entries
    assert (entry.gfx, entry.cu_count, entry.shape) == ("", 80, "M=1,N=2,K=3,q_dtype_w=torch.int8")


@pytest.mark.parametrize(
    ("raw", "kept", "problem"),
    [
        (b"cu_num,M,N,K\n80,1,2,3\n80,1", 1, "1 of 2 rows are cut or malformed"),
        (b"cu_num,M\nmany,1\n", 0, "1 of 1 rows are cut or malformed"),
        (b"gfx,M\nsm_90,1\n", 0, "1 of 1 rows are cut or malformed"),
        (
            b'cu_num,M\n80,"' + b"x" * 200_000 + b'"\n',
            0,
            "not CSV after 0 rows: field larger than field limit (131072)",
        ),
        (b"", 0, "empty"),
        (b"M,N,K,us\n1,2,3,4\n", 0, ""),
    ],
)
def test_a_broken_aiter_table(raw: bytes, kept: int, problem: str) -> None:
    found = read_table(AITER, raw)
    assert (len(found.entries), found.problem) == (kept, problem)


def test_tunableop_is_keyed_by_its_validator() -> None:
    found = read_table(TUNABLE, (VALIDATORS + "GemmTunableOp_float_NN,nn_1_2_3,Gemm_Rocblas_21,0.5\n").encode())
    assert [(one.family, one.gfx, one.shape) for one in found.entries] == [
        ("tunableop", "gfx942:sramecc+:xnack-", "GemmTunableOp_float_NN nn_1_2_3")
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (VALIDATORS + "GemmTunableOp_float_NN,nn", "1 of 1 rows are cut"),
        ("Validator,PT_VERSION,2.9.1\nGemm,nn,x,1\n", "its Validator lines name no device"),
        ("Validator,GCN_ARCH_NAME\nGemm,nn,x,1\n", "its Validator lines name no device"),
        ("Gemm,nn,x,1\n", "no Validator lines: torch does not load it"),
    ],
)
def test_a_broken_tunableop_file(text: str, problem: str) -> None:
    assert read_table(TUNABLE, text.encode()) == ([], problem)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b'{"1": {"BLOCK_SIZE_M": 16}}', ""),
        (b"{}", "holds no configuration"),
        (b"[1]", "holds no configuration"),
        (b"", "not JSON: Input data was truncated"),
        (b'{"1": {"BLOCK', "not JSON: Input data was truncated"),
        (b"[" * 100_000, "not JSON"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not JSON: JSON is malformed: invalid character (byte 0)"),
    ],
)
def test_a_json_table_must_hold_something(raw: bytes, problem: str) -> None:
    found = read_table(MOE, raw)
    assert bool(found.entries) == (problem == "")
    assert found.problem.startswith(problem)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned_tables, "MAX_ROWS", 3)
    assert read_table(AITER, b"cu_num,M\n" * 4).problem == "more than 3 rows: not read"
    monkeypatch.setattr(tuned_tables, "MAX_TABLE_BYTES", 0)
    assert read_table(MOE, b"{}").problem == "larger than 0 MiB: not read"
    assert read_table("TensileLibrary_gfx942.dat", b"xx").entries[0].gfx == "gfx942"
    assert read_table("TensileLibrary_gfx942.dat", b"").problem == "empty"


@given(st.sampled_from([AITER, TUNABLE, MOE]), st.binary(max_size=300))
def test_any_bytes_have_an_answer(path: str, raw: bytes) -> None:
    found = read_table(path, raw)
    assert isinstance(found.problem, str)


@given(st.integers(min_value=0, max_value=200), st.binary(max_size=4))
def test_a_cut_or_flipped_table_never_grows(cut: int, put: bytes) -> None:
    whole = b"gfx,cu_num,M,N,K,us\n" + b"gfx942,304,1,2,3,4\n" * 9
    found = read_table(AITER, whole[:cut] + put + whole[cut + len(put) :])
    assert len(found.entries) <= 9 + put.count(b"\n") + put.count(b"\r")


@pytest.mark.parametrize(
    ("source", "held"),
    [
        (b"import os\nX = {'a': 'b'}\n", {"a": "b"}),
        (b"X: dict[str, str] = {'a': 'b'}\n", {"a": "b"}),
        (b"X = {'a': os.getcwd()}\n", {}),
        (b"X = ['a']\n", {}),
        (b"X: dict\n", {}),
        (b"def broken(:\n", {}),
        (b"\0", {}),
        (b"X = " + b"(" * 5000, {}),
        (b"Y = {'a': 'b'}\n", {}),
    ],
)
def test_a_dict_is_read_from_source_without_running_it(source: bytes, held: dict[str, str]) -> None:
    assert literal_dict(source, "X") == held


def test_a_huge_source_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned_tables, "MAX_SOURCE_BYTES", 3)
    assert literal_dict(b"X = {'a': 'b'}", "X") == {}
