"""What of a package runs: its worst library, and the reasons that excuse one."""

from __future__ import annotations

from pathlib import Path

from parity.catalog import store
from parity.checks.package_coverage import JudgedPair, differences, judge_packages, worst
from parity.model.code_objects import Library
from parity.model.coverage import Coverage, Judged, PackageVerdict

FACTS = store.code_facts()


def lib(path: str, package: str = "pack") -> Library:
    return Library(path=path, size_bytes=1, package=package, version="1.0")


def judged(verdict: Coverage | None, **more: object) -> Judged:
    return Judged(verdict=verdict, **more)  # type: ignore[arg-type]


def test_the_worst_library_decides_and_is_named() -> None:
    told = worst(
        [
            (lib("a/good.so"), judged("native-exact")),
            (lib("a/bad.so"), judged("none")),
            (lib("a/jit.so"), judged("ptx-jit")),
        ],
        FACTS,
    )
    assert told == ("none", ("bad.so",))


def test_an_unknown_is_no_coverage() -> None:
    told = worst([(lib("a/good.so"), judged("native-exact")), (lib("a/x.so"), judged("unknown"))], FACTS)
    assert told == ("unknown", ("x.so",))


def test_the_worst_coverage_is_the_packages() -> None:
    told = worst([(lib("a/a.so"), judged("native-exact")), (lib("a/b.so"), judged("ptx-jit"))], FACTS)
    assert told == ("ptx-jit", ())


def test_a_library_meant_for_others_is_excused_only_beside_one_that_covers() -> None:
    excused = (lib("a/_fa3.so"), judged("none", excused=True))
    assert worst([excused, (lib("a/_C.so"), judged("native-exact"))], FACTS) == ("native-exact", ())
    assert worst([excused], FACTS) == ("none", ("_fa3.so",))


def test_the_other_vendors_library_decides_only_alone() -> None:
    other = (lib("a/rocm.so"), judged("none", other_vendor=True))
    assert worst([other, (lib("a/cuda.so"), judged("native-exact"))], FACTS) == ("native-exact", ())
    assert worst([other], FACTS) == ("none", ("rocm.so",))


def test_libraries_of_stubs_are_nothing_to_judge() -> None:
    assert worst([(lib("a/stubs.so"), judged(None))], FACTS) == (None, ())


def test_builds_of_which_one_is_loaded_make_it_unknown_when_they_disagree() -> None:
    old, new = (lib(f"bitsandbytes/libbitsandbytes_cuda{n}.so", "bitsandbytes") for n in (118, 130))
    assert worst([(old, judged("none")), (new, judged("native-exact"))], FACTS) == (
        "unknown", ("libbitsandbytes_cuda118.so",),
    )  # fmt: skip
    assert worst([(old, judged("none")), (new, judged("none"))], FACTS)[0] == "none"


def test_libraries_without_a_package_stand_for_themselves_even_with_one_name() -> None:
    pairs = [JudgedPair(lib(path, ""), judged("none"), None) for path in ("a/x.so", "b/x.so")]
    assert [verdict.package for verdict in judge_packages(pairs, FACTS)] == ["a/x.so", "b/x.so"]


def test_both_directions_are_told() -> None:
    pair = JudgedPair(
        lib("a/_moe_C.so"),
        judged("ptx-jit", regions={"native-exact": 8, "ptx-jit": 15, "none": 12}),
        judged("native-compatible", regions={"native-exact": 8, "native-compatible": 20, "none": 7}),
    )
    assert differences(pair) == ["_moe_C.so: 12 none (7 here), 15 ptx-jit (0 here), 0 native-compatible (20 here)"]
    assert differences(JudgedPair(pair.library, pair.target, None)) == []
    assert differences(JudgedPair(pair.library, pair.target, pair.target)) == []


def test_the_worst_difference_is_told_first() -> None:
    fine = (
        judged("native-exact", regions={"native-exact": 1}),
        judged("native-compatible", regions={"native-compatible": 1}),
    )
    bad = (judged("none", regions={"none": 1}), judged("native-exact", regions={"native-exact": 1}))
    (verdict,) = judge_packages([JudgedPair(lib("a/a.so"), *fine), JudgedPair(lib("a/b.so"), *bad)], FACTS)
    assert [line.partition(":")[0] for line in verdict.differs] == ["b.so", "a.so"]


def test_libraries_made_for_others_are_named_beside_one_that_covers() -> None:
    pairs = [
        JudgedPair(lib("a/_fa3.so", "vllm"), judged("none", excused=True), None),
        JudgedPair(lib("a/_C.so", "vllm"), judged("native-exact"), None),
    ]
    (verdict,) = judge_packages(pairs, FACTS)
    assert (verdict.target, verdict.lacking, verdict.made_for_others) == ("native-exact", (), ("_fa3.so",))
    (alone,) = judge_packages(pairs[:1], FACTS)
    assert (alone.target, alone.lacking, alone.made_for_others) == ("none", ("_fa3.so",), ())


def test_builds_that_stand_for_each_other_tell_why_they_leave_it_open() -> None:
    names = ("libbitsandbytes_cuda121.so", "libbitsandbytes_cuda128.so")
    verdicts = (judged("none"), judged("native-exact"))
    pairs = [JudgedPair(lib(f"b/{name}", "bitsandbytes"), one, None) for name, one in zip(names, verdicts, strict=True)]
    (verdict,) = judge_packages(pairs, FACTS)
    assert (verdict.target, verdict.lacking) == ("unknown", names[:1])
    assert verdict.told == (
        f"{names[0]} has no code for the device; one of them is loaded, by the CUDA version of torch",
    )


def test_a_verdict_per_package() -> None:
    pairs = [
        JudgedPair(lib("a/x.so"), judged("native-exact"), judged("none")),
        JudgedPair(lib("a/y.so"), judged("none"), None),
    ]
    assert judge_packages(pairs, FACTS) == (
        PackageVerdict(package="pack", version="1.0", target="none", here="none", lacking=("y.so",)),
    )


def test_every_note_on_a_library_has_its_source() -> None:
    notes = FACTS.notes
    assert len(notes.libraries) >= 4
    for note in notes.libraries:
        assert note.source in notes.sources
        assert [note.one_of, note.compiles, bool(note.majors), bool(note.not_for)].count(True) == 1, (
            "a note is one or the other"
        )
    for facts, rows in (
        (FACTS.nvidia, (*FACTS.nvidia.islands, *FACTS.nvidia.renamed)),
        (FACTS.amd, FACTS.amd.generic_targets),
    ):
        assert rows
        assert all(row.source in facts.sources for row in rows)
    assert (Path(store.rules_folder()) / "stack" / "code" / "nvidia.yaml").is_file()


def test_what_the_catalog_says_of_a_version_on_the_target_is_told() -> None:
    known = store.stack_facts().libraries
    library = Library(path="x.so", size_bytes=1, package="flash_attn_3", version="3.0.0")
    pairs = [JudgedPair(library, judged("none"), None)]
    told = {arch: judge_packages(pairs, FACTS, known, arch)[0].told for arch in ("sm_100", "sm_89", "sm_90", "")}
    assert told == {
        "sm_100": ("FlashAttention 3 3.0.0 is not for sm_100: the build has sm_80 and sm_90a code only",),
        "sm_89": (
            (
                "FlashAttention 3 3.0.0 on sm_89: the sm_80 kernels of FlashAttention-3; left out by "
                "FLASH_ATTENTION_DISABLE_SM80; no FP8 and no separate value head dimension"
            ),
        ),
        "sm_90": (),
        "": (),
    }


def test_code_shipped_by_a_package_that_compiles_decides_nothing_for_others() -> None:
    shipped = lib("f/kda/ptx/", "flashinfer_python")
    (verdict,) = judge_packages([JudgedPair(shipped, judged("none", excused=True), None)], FACTS)
    assert (verdict.target, verdict.lacking, verdict.made_for_others) == (None, (), ("ptx",))
    assert verdict.told[0].startswith("it compiles its kernels where it runs")
    (there,) = judge_packages([JudgedPair(shipped, judged("ptx-jit"), None)], FACTS)
    assert there.target == "ptx-jit"
    (cubins,) = judge_packages(
        [JudgedPair(lib("f/cubins/", "flashinfer_cubin"), judged("none", excused=True), None)], FACTS
    )
    assert (cubins.target, cubins.lacking) == ("none", ("cubins",))
