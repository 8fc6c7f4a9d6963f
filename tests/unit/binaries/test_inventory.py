"""Stock of files, folders and packages: each file once, in one order, with its owner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import binary_writer as write
import pytest
from code_names import named, weights

from parity.binaries import inventory, packages
from parity.binaries.inventory import Stocktaking

from .test_packages import install

if TYPE_CHECKING:
    from parity.model.code_objects import Inventory, Library

LIBRARY = write.elf({".nv_fatbin": write.fatbin(write.sass(90, "a"))})


def stock(*paths: Path) -> Inventory:
    taking = Stocktaking()
    for path in paths:
        taking.add_path(str(path))
    return taking.inventory()


def test_a_folder_is_walked_in_name_order(tmp_path: Path) -> None:
    for name in ("b/two.so", "a/one.so", "b/c/three.so.1", "readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(LIBRARY)
    found = stock(tmp_path)
    assert [Path(library.path).name for library in found.libraries] == ["one.so", "three.so.1", "two.so"]
    assert found.files == 3, "the text file was not opened"


def test_a_file_with_several_names_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "lib.so.1").write_bytes(LIBRARY)
    (tmp_path / "lib.so").symlink_to("lib.so.1")
    os.link(tmp_path / "lib.so.1", tmp_path / "other.so")
    found = stock(tmp_path)
    (library,) = found.libraries
    assert (found.files, named(library)) == (1, {"sm_90a": 1})
    assert {Path(library.path).name, *(Path(copy).name for copy in library.copies)} == {
        "lib.so",
        "lib.so.1",
        "other.so",
    }


def test_links_that_go_round_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "lib.so").write_bytes(LIBRARY)
    assert len(stock(tmp_path).libraries) == 1


def test_loose_code_objects_of_a_folder_are_one_library(tmp_path: Path) -> None:
    for arch, machine in (("gfx942", 0x4C), ("gfx950", 0x4F)):
        for name in ("one.co", "two.hsaco"):
            path = tmp_path / "hsa" / arch / "fmoe" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(write.amd_code(machine))
    (tmp_path / "hsa" / "gfx942" / "pa").mkdir()
    (tmp_path / "hsa" / "gfx942" / "pa" / "x.co").write_bytes(write.amd_code(0x4C))
    found = {library.path.removeprefix(str(tmp_path)): named(library) for library in stock(tmp_path).libraries}
    assert found == {"/hsa/": {"gfx942": 2, "gfx950": 2}, "/hsa/gfx942/pa/x.co": {"gfx942": 1}}


def test_names_of_files_do_not_decide(tmp_path: Path) -> None:
    (tmp_path / "Kernels_gfx90a.hsaco").write_bytes(write.amd_code(0x4C))
    assert [named(library) for library in stock(tmp_path).libraries] == [{"gfx942": 1}]


def test_site_packages_are_attributed(tmp_path: Path) -> None:
    install(
        tmp_path,
        "fast-kernels",
        "1.0",
        {"fast/_C.so": LIBRARY, "fast/k/a.cubin": write.cubin(90), "fast/k/b.cubin": write.cubin(80)},
    )
    install(tmp_path, "plain", "1.0", {"plain/x.so": write.elf({".text": b"x"})})
    (tmp_path / "stray.so").write_bytes(LIBRARY)
    found = [(library.package, Path(library.path).name, named(library)) for library in stock(tmp_path).libraries]
    assert found == [
        ("", "stray.so", {"sm_90a": 1}),
        ("fast-kernels", "_C.so", {"sm_90a": 1}),
        ("fast-kernels", "k", {"sm_80": 1, "sm_90": 1}),
    ]


def test_a_package_without_device_code_is_named(tmp_path: Path) -> None:
    install(tmp_path, "plain", "1.0", {"plain/x.so": write.elf({".text": b"x"})})
    taking = Stocktaking()
    for package in packages.installed([str(tmp_path)]):
        taking.add_package(package)
    found = taking.inventory()
    assert (found.libraries, found.silent) == ((), ("plain",))


def test_the_same_twice_is_the_same(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"lib{number}.so").write_bytes(
            write.elf({".nv_fatbin": write.fatbin(write.sass(80 + number)) + write.fatbin(write.ptx(90))})
        )
    assert stock(tmp_path) == stock(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_nobody_may_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(LIBRARY)
    path.chmod(0)
    (library,) = stock(tmp_path).libraries
    assert weights(library) == {"damaged"}


def test_a_named_pipe_is_no_library(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lib.so")
    assert stock(tmp_path, tmp_path / "lib.so").libraries == ()


def test_a_dangling_link_is_told(tmp_path: Path) -> None:
    (tmp_path / "lib.so").symlink_to("gone.so")
    (library,) = stock(tmp_path).libraries
    assert weights(library) == {"damaged"}


def test_plain_libraries_that_nobody_searched_are_counted_not_listed(tmp_path: Path) -> None:
    (tmp_path / "plain.so").write_bytes(write.elf({".rodata": bytes(90_000)}))
    (tmp_path / "gpu.so").write_bytes(LIBRARY)
    taking = Stocktaking(scan=False)
    taking.add_path(str(tmp_path))
    found = taking.inventory()
    assert ([Path(library.path).name for library in found.libraries], found.unsearched) == (["gpu.so"], 1)
    alone = Stocktaking(scan=False)
    alone.add_path(str(tmp_path / "plain.so"))
    assert [weights(library) for library in alone.inventory().libraries] == [{"unsearched"}]


BIG = write.elf({".nv_fatbin": write.fatbin(write.sass(90)), ".data": bytes(80 * 1024)})


def test_a_copy_of_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = inventory.read_file

    def counted(path: str, *, scan: bool = True, head: bytes | None = None) -> Library | None:
        opened.append(Path(path).name)
        return real(path, scan=scan, head=head)

    monkeypatch.setattr(inventory, "read_file", counted)
    for name in ("a.so", "b.so"):
        (tmp_path / name).write_bytes(BIG)
    (tmp_path / "c.so").write_bytes(BIG[:-1] + b"x")
    found = stock(tmp_path)
    assert opened == ["a.so", "c.so"]
    assert [(Path(one.path).name, [Path(copy).name for copy in one.copies]) for one in found.libraries] == [
        ("a.so", ["b.so"]),
        ("c.so", []),
    ]
    assert found.files == 3


def test_headers_alone_are_cheaper_than_a_comparison(tmp_path: Path) -> None:
    for name in ("a.so", "b.so"):
        (tmp_path / name).write_bytes(BIG)
    taking = Stocktaking(scan=False)
    taking.add_path(str(tmp_path))
    assert [Path(library.path).name for library in taking.inventory().libraries] == ["a.so", "b.so"]


@pytest.mark.parametrize("link", [True, False])
def test_a_copy_is_told_for_each_package_that_owns_one(tmp_path: Path, link: bool) -> None:
    install(tmp_path, "first", "1.0", {"first/k.so": BIG})
    install(tmp_path, "second", "2.0", {"second/k.so": BIG})
    if link:  # as installers that link from a cache leave it
        (tmp_path / "second" / "k.so").unlink()
        os.link(tmp_path / "first" / "k.so", tmp_path / "second" / "k.so")
    found = stock(tmp_path)
    assert [(library.package, library.version) for library in found.libraries] == [("first", "1.0"), ("second", "2.0")]
    assert [library.copies for library in found.libraries] == [(), ()]
    one = Stocktaking()
    for package in packages.installed([str(tmp_path)]):
        one.add_package(package)
    assert one.inventory().silent == ()


def test_a_path_given_twice_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_bytes(BIG)
    found = stock(tmp_path / "a.so", tmp_path, tmp_path / "a.so")
    assert [library.copies for library in found.libraries] == [()]


def test_a_copy_that_names_files_beside_it_is_read_for_itself(tmp_path: Path) -> None:
    library = write.elf({".rocm_kpack_ref": write.kpack_marker("k", ["k.kpack"]), ".data": bytes(80 * 1024)})
    for folder, arch in (("a", "gfx942"), ("b", "gfx950")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "lib.so").write_bytes(library)
        (tmp_path / folder / "k.kpack").write_bytes(write.kpack({"k": {arch: 1}}))
    found = {Path(one.path).parent.name: named(one) for one in stock(tmp_path).libraries if one.path.endswith(".so")}
    assert found == {"a": {"gfx942": 1}, "b": {"gfx950": 1}}


@pytest.mark.parametrize("asked", ["site-packages/fast", "site-packages/fast/_C.so", "site-packages/fast/"])
@pytest.mark.parametrize("relative", [True, False])
def test_a_part_of_an_installed_package_is_its_packages(
    asked: str, relative: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site-packages", "fast-kernels", "1.0", {"fast/_C.so": LIBRARY})
    install(tmp_path / "site-packages", "faster", "2.0", {"faster/_C.so": LIBRARY})
    monkeypatch.chdir(tmp_path)
    (library,) = stock(Path(asked) if relative else tmp_path / asked).libraries
    assert (library.package, library.version) == ("fast-kernels", "1.0")
