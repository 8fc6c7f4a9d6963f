"""What the stack data answer, and that what they do not name is unknown."""

from __future__ import annotations

import pytest

from parity.catalog import compatibility as ask
from parity.catalog import store

FACTS = store.stack_facts()


@pytest.mark.parametrize(
    ("code", "ptx", "target", "expected"),
    [
        (["sm_86"], [], "sm_89", "native"),
        (["sm_89"], [], "sm_86", "none"),
        (["sm_80"], [], "sm_90", "none"),
        (["sm_87"], [], "sm_87", "native"),
        (["sm_87"], [], "sm_89", "none"),  # an embedded chip's code
        (["sm_80", "sm_86"], [], "sm_87", "unknown"),  # desktop code on one: from CUDA 13.2 on
        (["sm_100"], [], "sm_103", "native"),
        (["sm_100"], [], "sm_120", "none"),  # both Blackwell
        (["sm_80"], ["compute_90"], "sm_120", "jit"),
        (["sm_80"], ["compute_120"], "sm_90", "none"),
        (["sm_80"], None, "sm_90", "unknown"),
        (["sm_90"], None, "sm_90", "native"),
        (["sm_90"], [], "gfx942", "unknown"),
        (["nonsense"], ["compute_x", ""], "sm_90", "none"),
        (["sm_90a"], [], "sm_90", "native"),
        (["sm_100a"], [], "sm_103", "none"),
        (["sm_100f"], [], "sm_103", "native"),
        (["sm_103f"], [], "sm_100", "none"),
        (["sm_120f"], [], "sm_121", "native"),
        ([], ["compute_90a"], "sm_100", "none"),
        ([], ["compute_90a"], "sm_90", "jit"),
        ([], ["compute_100f"], "sm_103", "jit"),
        ([], ["compute_100f"], "sm_120", "none"),
    ],
)
def test_code_runs_on_later_minors_and_ptx_on_later_capabilities(
    code: list[str], ptx: list[str] | None, target: str, expected: str
) -> None:
    assert ask.coverage(code, ptx, target, FACTS.code) == expected


@pytest.mark.parametrize(
    ("version", "variant", "machine", "found"),
    [
        ("2.9.0+cu128", "", "x86_64", 1),
        ("2.9.0", "cu128", "x86_64", 1),
        ("2.9.0+cu128", "", None, 1),
        ("2.12.0+cu130", "", None, 2),  # two machines
        ("2.12.0+cu130", "", "aarch64", 1),
        ("2.9.0+cu128", "", "ppc64le", 0),
        ("2.9.0+cu999", "", "x86_64", 0),
        ("2.9.7", "cu128", "x86_64", 0),
        ("2.9.0a0+gitabc", "cu128", "x86_64", 0),
        ("2.9.0+cu128.vendor", "cu128", "x86_64", 0),
        ("9.0.0", "cu128", "x86_64", 0),
        ("", "", None, 0),
    ],
)
def test_only_official_wheels_of_known_releases_are_known(
    version: str, variant: str, machine: str | None, found: int
) -> None:
    assert len(ask.torch_builds(FACTS, version, variant, machine)) == found


def test_b200_is_first_in_the_wheels_of_torch_2_8() -> None:
    [old] = ask.torch_builds(FACTS, "2.7.1+cu126", "", "x86_64")
    [new] = ask.torch_builds(FACTS, "2.8.0+cu128", "", "x86_64")
    assert ask.coverage(old.architectures, old.ptx, "sm_100", FACTS.code) == "none"
    assert ask.coverage(new.architectures, new.ptx, "sm_103", FACTS.code) == "native"


@pytest.mark.parametrize(
    ("cuda", "target", "offered"),
    [
        ("11.8", "sm_90", True),
        ("11.8.89", "sm_90a", False),
        ("12.0", "sm_90a", True),
        ("12.8.1", "sm_100a", True),
        ("12.8", "sm_100f", False),
        ("12.9", "sm_70", True),
        ("13.0", "sm_70", False),
        ("12.9", "sm_101", True),
        ("13.0", "sm_101", False),
        ("13.5", "sm_107f", True),
    ],
)
def test_toolkits_add_and_remove_targets(cuda: str, target: str, offered: bool) -> None:
    targets = ask.toolkit_targets(FACTS, cuda)
    assert targets is not None
    assert (target in targets) is offered


@pytest.mark.parametrize("cuda", ["13.9", "99.0", "12.7", "11.0", "", "No CUDA"])
def test_a_toolkit_that_the_data_do_not_know_is_none(cuda: str) -> None:
    assert ask.toolkit_targets(FACTS, cuda) is None


def test_the_first_toolkit_of_a_target_or_none() -> None:
    assert [ask.first_toolkit(FACTS, name) for name in ("sm_103a", "sm_121", "sm_999")] == ["12.9", "12.9", None]


def test_jax_triton_and_rocm_by_version() -> None:
    jax = ask.jax_build(FACTS, "0.7.2", "cuda13")
    assert jax is not None
    assert ask.coverage(jax.architectures, jax.ptx, "sm_120", FACTS.code) == "jit"
    assert ask.jax_build(FACTS, "0.6.2", "cuda13") is None
    assert ask.jax_build(FACTS, "0.5.9", "cuda12") is None
    triton = ask.triton_release(FACTS, "3.6.0+git1")
    assert triton is not None
    assert triton.blackwell_assembler == "12.9"
    assert ask.triton_release(FACTS, "3.60.0") is None
    assert ask.triton_release(FACTS, "main") is None
    rocm = ask.rocm_release(FACTS, "6.3.1")
    assert rocm is not None
    assert "gfx950" not in rocm.architectures
    assert ask.rocm_release(FACTS, "6.30.1") is None


@pytest.mark.parametrize(("version", "known"), [("30.30", True), ("30.30.2", True), ("30.3", False), ("6.3.6", False)])
def test_only_driver_releases_are_taken_for_such(version: str, known: bool) -> None:
    """A module version such as 6.3.6 looks like the driver release 6.3."""
    assert (ask.rocm_driver(FACTS, version) is not None) is known
