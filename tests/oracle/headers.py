"""Asks a compiler what a vendor's C header says: prototypes, constants, sizes and offsets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# Prints each parameter's kind: "*" pointer, "f" floating, "i" signed, "u" unsigned (an enumeration by its own type), and size.
_SHOW = """
#include <cstdio>
#include <type_traits>
template <class T, bool E> struct Whole { typedef T type; };
template <class T> struct Whole<T, true> { typedef typename std::underlying_type<T>::type type; };
template <class T> void kind() {
    typedef typename std::remove_cv<T>::type U;
    typedef typename Whole<U, std::is_enum<U>::value>::type W;
    char c = std::is_pointer<U>::value ? '*' : std::is_floating_point<U>::value ? 'f' : std::is_signed<W>::value ? 'i' : 'u';
    std::printf("\\"%c%d\\"", c, (int)sizeof(U));
}
template <class R> void rest() {}
template <class R, class A, class... B> void rest() { std::printf(","); kind<A>(); rest<R, B...>(); }
template <class R, class... A> void show(const char *name, R (*)(A...)) {
    std::printf("\\"%s\\":[", name); kind<R>(); rest<R, A...>(); std::printf("],");
}
"""


def compilers() -> tuple[str, str] | None:
    """Return the C and the C++ compiler, None where one is missing."""
    c, cpp = shutil.which("gcc"), shutil.which("g++")
    return (c, cpp) if c and cpp else None


def signatures(include: Path, header: str, names: Iterable[str], folder: Path) -> dict[str, list[str]]:
    """Return function -> kinds of its result and parameters; a name that the header lacks fails the compilation."""
    calls = "".join(f'show("{name}", &{name});' for name in names)
    source = f'#include "{header}"\n{_SHOW}int main() {{ std::printf("{{"); {calls} std::printf("\\"\\":0}}"); }}'
    return {name: kinds for name, kinds in json.loads(_ran(source, include, folder, "c++")).items() if name}


def numbers(include: Path, header: str, expressions: Iterable[str], folder: Path) -> dict[str, int]:
    """Return expression -> value of constants, ``sizeof`` and ``offsetof``."""
    asked = tuple(dict.fromkeys(expressions))
    told = "".join(f'printf("%lld\\n", (long long)({one}));' for one in asked)
    source = f'#include <stddef.h>\n#include <stdio.h>\n#include "{header}"\nint main(void) {{ {told} return 0; }}'
    return dict(zip(asked, map(int, _ran(source, include, folder, "c").split()), strict=True))


def stub_signatures(source: Path, folder: Path) -> dict[str, list[str]]:
    """Return function -> ``*`` or ``i`` for each parameter of a stub's exported functions."""
    told = folder / "prototypes.txt"
    command = ["gcc", "-std=gnu11", "-w", "-fsyntax-only", "-aux-info", str(told), str(source)]
    subprocess.run(command, check=True)
    found = {}
    for kind, name, parameters in re.findall(r"extern ([^;(]*?)(\w+) \((.*?)\);", told.read_text()):
        if str(source) in kind or source.name in kind or name.startswith(("nvml", "cu")):
            listed = [] if parameters == "void" else re.sub(r"\([^()]*\)", "", parameters).split(",")
            found[name] = ["*" if "*" in one else "i" for one in listed]
    return found


def kinds_of(types: Iterable[type], codes: Mapping[str, str]) -> list[str]:
    """Return the kinds of ctypes' parameter types."""
    import ctypes

    pointers = (ctypes.c_void_p, ctypes.c_char_p)
    return ["*8" if one in pointers else f"{codes[one._type_]}{ctypes.sizeof(one)}" for one in types]  # type: ignore[attr-defined]


def _ran(source: str, include: Path, folder: Path, language: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "asked"
    # What is called stays unresolved: the addresses are never used.
    command = ["g++" if language == "c++" else "gcc", "-w", "-x", language, f"-I{include}", "-", "-o", str(program)]
    command += ["-std=c++14"] if language == "c++" else ["-std=gnu11"]
    subprocess.run([*command, "-Wl,--unresolved-symbols=ignore-all"], input=source, text=True, check=True)
    return subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
