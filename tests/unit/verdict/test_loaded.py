"""Libraries of one process: one from elsewhere than its packages, one in two versions."""

from __future__ import annotations

from parity.catalog import store
from parity.model.fingerprint import Library
from parity.verdict.loaded import RULES, loaded_findings

CARDS = [store.card(rule) for rule in RULES]
PACKAGED = "/v/lib/python3.12/site-packages/nvidia/cudnn/lib/libcudnn.so.9"


def loaded(path: str, version: str, *, name: str = "libcudnn") -> Library:
    return Library(name=name, path=path, version=version, found="loaded")


def test_a_library_from_elsewhere_is_told_with_its_packaged_copy() -> None:
    packaged = Library(name="libcudnn", path=PACKAGED, version="9.10.2", found="package")
    (finding,) = loaded_findings([loaded("/usr/lib/libcudnn.so.9", "9.1.0"), packaged], CARDS)
    assert (finding.rule, finding.severity, finding.subject) == ("loaded-library-not-packaged", "warning", "libcudnn")
    assert finding.message == f"/usr/lib/libcudnn.so.9 9.1.0 is loaded, the package has {PACKAGED} 9.10.2"
    assert finding.mend == "Fix LD_LIBRARY_PATH or LD_PRELOAD, or remove the other copy."


def test_two_loaded_versions_are_told_and_one_that_is_not_loaded_is_no_second() -> None:
    (finding,) = loaded_findings([loaded("/a/libcudart.so.12.4", "12.4", name="libcudart"), loaded("/b/libcudart.so.12.8", "12.8", name="libcudart")], CARDS)  # fmt: skip
    assert (finding.rule, finding.here) == ("duplicate-cuda-library", "12.4, 12.8")
    assert finding.message == "2 versions are loaded: 12.4: /a/libcudart.so.12.4; 12.8: /b/libcudart.so.12.8"
    other = Library(name="libcudart", path="/b/site-packages/x/libcudart.so.11.8", version="11.8", found="package")
    assert loaded_findings([loaded("/a/libcudart.so.12.4", "12.4", name="libcudart"), other], CARDS) == ()


def test_a_process_without_gpu_libraries_has_nothing_to_tell() -> None:
    assert loaded_findings([], CARDS) == ()


def test_copies_that_their_versions_do_not_tell_apart_are_told_by_their_places() -> None:
    copies = [loaded(f"/{folder}/libcudart.so.12", "12", name="libcudart") for folder in "ab"]
    (finding,) = loaded_findings(copies, CARDS)
    assert (finding.rule, finding.here) == ("duplicate-cuda-library", "2 copies")
    assert finding.message == "2 copies are loaded: /a/libcudart.so.12; /b/libcudart.so.12"
    parts = [loaded(f"/a/{file}", "9", name="libcudnn") for file in ("libcudnn.so.9", "libcudnn_ops.so.9")]
    assert loaded_findings(parts, CARDS) == ()
