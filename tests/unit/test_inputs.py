"""Files somebody else wrote: broken, hostile or merely odd, each refused in bounded time with file, line and key."""

import datetime as dt
import io
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import msgspec
import pytest
import yaml

import parity
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.cli.main import main
from parity.errors import InputFileError, InvalidConfigError, ParityError
from parity.inputs import (
    MAX_PATH_CHARS,
    Document,
    convert_all,
    decode_text,
    load_json,
    load_yaml,
    near_names,
    printable,
    problem_at,
    read_bytes,
)
from parity.session import as_json

MIB = 1024 * 1024
PATIENCE_S = 30  # of the processor: many times what each takes, far below what runs away
"""Of this process's own time: what is refused in time that grows with the square takes minutes."""
GOOD = "version: 1\ndefault_target: prod\ntargets: {prod: {device: h100}}\n"


def laughs(levels: int, width: int = 10) -> str:
    rows = ["a: &a [" + ",".join(["lol"] * width) + "]"]
    names = "abcdefghijklmnopqrstuvwxyz"
    rows += [f"{names[n]}: &{names[n]} [" + ",".join([f"*{names[n - 1]}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(rows) + "\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.json").write_bytes(as_json(as_fingerprint(store.device_spec("h100"))))
    return tmp_path


def doctor(capsys: pytest.CaptureFixture[str], config: bytes | str) -> tuple[int, str]:
    """Return (status, standard error) of judging against a project file of this content."""
    Path("parity.yaml").write_bytes(config if isinstance(config, bytes) else config.encode())
    status = main(["doctor", "--config", "parity.yaml", "--fingerprint", "here.json"])
    return status, capsys.readouterr().err


# One case per way in which a project file may be hostile: (content, what `parity doctor` answers).
HOSTILE: dict[str, tuple[bytes | str, str]] = {
    "unknown key": ("verison: 1\n", ("parity.yaml:1: verison: unknown key\n  close: version\n  mend: remove it, or use one"
                    " of: version, default_target, targets, perf_tests, policy, rules, waivers")),
    "unknown inner key": ("targets:\n  prod:\n    device: h100\n    cuont: 8\n", ("parity.yaml:4: targets.prod.cuont:"
                          " unknown key\n  close: count\n")),
    "unquoted version": ("targets:\n  prod:\n    device: h100\n    stack:\n      torch: 2.10\n",
                         "parity.yaml:5: targets.prod.stack.torch: text is needed, not a number\n  mend: put the value"),
    "key given twice": ("targets:\n  prod: {device: h100}\n  prod: {device: h200}\n",
                        "parity.yaml:3: targets.prod: the key is given twice, first on line 2\n  mend: keep one of them"),
    "key given twice, quoted": ("version: 1\n'version': 1\n", "parity.yaml:2: version: the key is given twice"),
    "alias bomb": (laughs(11), "parity.yaml:6: expands to more than 200000 values\n  mend: remove the nested aliases"),
    "alias of itself": ("targets: &t\n  prod: *t\n", "parity.yaml:2: alias *t inside the value it stands for\n"),
    "merge of itself": ("targets: &t\n  prod: {<<: *t}\n", "parity.yaml:2: alias *t inside the value it stands for\n"),
    "alias of nothing": ("targets: *gone\n", "parity.yaml:1: not YAML: found undefined alias\n"),
    "deep flow": ("targets: " + "[" * 100_000, "parity.yaml:1: nested too deeply\n  mend: flatten the file"),
    "deep flow mappings": ("targets: " + "{a: " * 100_000, "parity.yaml:1: nested too deeply\n"),
    "deep flow behind a comment": ("# " + "]" * 200_000 + "\ntargets: " + "[" * 100_000,
                                   "parity.yaml:2: nested too deeply\n"),
    "deep block": ("- " * 100_000 + "x\n", "parity.yaml:1: nested too deeply\n  mend: flatten the file"),
    "deep keys": ("? " * 100_000 + "x\n", "parity.yaml:1: nested too deeply\n  mend: flatten the file"),
    "deep indentation": ("".join(" " * n + "a:\n" for n in range(1000)), "parity.yaml:65: nested too deeply\n"),
    "deep aliases": ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100)),
                     "parity.yaml:64: nested too deeply\n"),
    "directives": ("".join(f"%TAG !a{n}! x\n" for n in range(60_000)) + "---\na: 1\n",
                   "parity.yaml: more than 16 directives\n  mend: remove them"),
    "number in base 60": ("version: 1" + ":0" * 400_000, "parity.yaml:1: version: 800001 characters are no int\n"),
    "endless integer": ("version: " + "9" * 10_000, "parity.yaml:1: version: 10000 characters are no int\n"),
    "endless hex integer": ("version: 0x" + "f" * 100_000, "parity.yaml:1: version: 100002 characters are no int\n"),
    "binary": (bytes(range(256)) * 20, "parity.yaml: binary data, not text\n  mend: give a text report, YAML or JSON"),
    "NUL": ("version: 1\n\0\n", "parity.yaml: binary data, not text\n"),
    "late NUL": ("version: 1\n#" + "x" * 9000 + "\0\n", "parity.yaml: not YAML: unacceptable character #x0000"),
    "UTF-16 without mark": (GOOD.encode("utf-16-le"), "parity.yaml: binary data, not text\n"),
    "empty": ("", "parity.yaml: empty\n  mend: is this the file you meant?"),
    "blank": (" \n\n", "parity.yaml: empty\n  mend: is this the file you meant?"),
    "comments only": ("# nothing here\n", "parity.yaml: empty\n  mend: write at least one key"),
    "a list": ("- version: 1\n", "parity.yaml: not a mapping of keys\n  mend: start with `version: 1`"),
    "a word": ("h100\n", "parity.yaml: not a mapping of keys\n  mend: start with `version: 1`"),
    "two documents": ("version: 1\n---\nversion: 1\n", "parity.yaml:2: not YAML: but found another document\n"),
    "tab": ("version: 1\ntargets:\n\tprod: {}\n", "parity.yaml:3: not YAML: found character that cannot start any token"),
    "unclosed": ("targets: {prod: {device: h100}\n", "parity.yaml:2: not YAML: did not find expected ',' or '}'"),
    "number as key": ("targets: {8: {device: h100}}\n", ("parity.yaml:1: targets.8: YAML reads this key as int, not as text\n"
                      "  mend: put it in quotes")),
    "bool as key": ("on: 1\n", "parity.yaml:1: on: YAML reads this key as bool, not as text\n"),
    "null as key": ("~: 1\n", "parity.yaml:1: ~: YAML reads this key as null, not as text\n"),
    "date as key": ("2027-03-31: 1\n", "parity.yaml:1: 2027-03-31: YAML reads this key as timestamp, not as text\n"),
    "list as key": ("? [a, b]\n: 1\n", "parity.yaml:1: a key that is not plain text\n  mend: use text keys"),
    "python object": ("version: !!python/object/apply:os.system ['touch pwned']\n",
                      "parity.yaml:1: not YAML: could not determine a constructor for the tag"),
    "python name": ("version: !!python/name:os.system\n", "parity.yaml:1: not YAML: could not determine a constructor"),
    "python module as key": ("!!python/module:os : 1\n", "parity.yaml:1: : YAML reads this key as python/module:os"),
    "date": ("version: 2026-01-01\n", "parity.yaml:1: version: datetime.date(2026, 1, 1) is not a version this tool reads"),
    "no date": ("waivers:\n  - {until: 2027-13-31}\n", ("parity.yaml:2: waivers[0].until: '2027-13-31' is no date\n"
                "  mend: correct it, or put it in quotes")),
    "no bool": ("version: !!bool maybe\n", "parity.yaml:1: version: 'maybe' is no bool\n"),
    "no int": ("version: !!int ''\n", "parity.yaml:1: version: '' is no int\n"),
    "no timestamp": ("version: !!timestamp soon\n", "parity.yaml:1: version: 'soon' is no date\n"),
    "a bool that is a mapping": ("version: !!bool {=: maybe}\n", "parity.yaml:1: version.=: YAML reads this key as value"),
    "bytes": ("version: !!binary aGVsbG8=\n", "parity.yaml:1: version: b'hello' is not a version this tool reads\n"),
    "a set": ("targets: !!set {a, b}\n", "parity.yaml:1: targets: a mapping is needed, not set\n"),
    "infinity": ("version: .inf\n", "parity.yaml:1: version: inf is not a version this tool reads\n"),
    "escape codes": ('"\\e[31m\\n::error::x": 1\n', "parity.yaml:1: \\x1b[31m\\n::error::x: unknown key\n"),
    "escape codes twice": ('"\\e[31m": 1\n"\\e[31m": 1\n', "parity.yaml:2: \\x1b[31m: the key is given twice"),
    "half a character": ('default_target: "\\ud800"\n', "parity.yaml:1: not YAML: found invalid Unicode character"),
    "endless name": ("default_target: " + "x" * 900_000, "parity.yaml:1: default_target: no target named 'xxxxx"),
    "endless key": ("? " + "k" * 100_000 + "\n: 1\n", "parity.yaml:2: kkkkk"),
}  # fmt: skip


# libyaml's words; PyYAML built without it says the same in others, and lets half a character be a name.
WORDED_BY_LIBYAML = ("alias of nothing", "tab", "unclosed", "half a character")


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_project_file_is_refused_with_file_and_line(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    content, answer = HOSTILE[case]
    if case in WORDED_BY_LIBYAML and not yaml.__with_libyaml__:
        answer = answer[: answer.index(": not YAML") + 2]
    start = time.process_time()
    status, told = doctor(capsys, content)
    assert status == 2
    assert told.startswith(f"parity: {answer}")
    assert "Traceback" not in told
    assert "internal error" not in told
    assert len(told) < 3000
    assert time.process_time() - start < PATIENCE_S
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    "case", ["deep block", "deep keys", "deep flow", "alias bomb", "binary", "python object", "unquoted version"]
)
def test_the_real_program_survives_and_says_it(case: str, folder: Path) -> None:
    content, answer = HOSTILE[case]
    Path("parity.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = subprocess.run(
        [sys.executable, "-m", "parity.cli.main", "doctor", "--config", "parity.yaml", "--fingerprint", "here.json"],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(parity.__file__).parents[1])},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"parity: {answer}")
    assert "Traceback" not in done.stderr


# One case per way in which a fingerprint file may be hostile.
HOSTILE_JSON: dict[str, tuple[bytes, str]] = {
    "deep": (b"[" * 100_000, "bad.json: n"),  # nested too deeply, or not JSON where Python bears to see its end
    "deep and closed": (b"[" * 100_000 + b"]" * 100_000, "bad.json: nested too deeply"),
    "deep inside": (b'{"schema": "parity.fingerprint/1", "devices": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
                    "bad.json: nested too deeply"),
    "cut": (b'{"schema": "parity.fingerprint/1", "devices": [', "bad.json: not JSON: "),
    "a bad value": (b'{"schema": "parity.fingerprint/1", "devices": 3}',
                    "bad.json: not a fingerprint: Expected `array`, got `int` - at `$.devices`"),
    "a bad inner value": (b'{"schema": "parity.fingerprint/1", "devices": [{"locator": {"index": "zero"}}]}',
                          "bad.json: not a fingerprint: Expected `int`, got `str` - at `$.devices[0].locator.index`"),
    "another version": (b'{"schema": "parity.fingerprint/2"}',
                        "bad.json: schema is 'parity.fingerprint/2', wanted 'parity.fingerprint/1'"),
    "unrelated": (b'{"a": 1}', "bad.json: JSON of a form that is not known"),
    "binary": (bytes(range(256)) * 20, "bad.json: binary data, not text"),
    "empty": (b"", "bad.json: empty\n"),
    "nothing known": (b"hello, world\n", "bad.json: no GPU report was recognised in this text"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE_JSON)
@pytest.mark.parametrize("option", ["--fingerprint", "--target"])
def test_a_hostile_fingerprint_is_refused_with_its_name(
    option: str, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content, answer = HOSTILE_JSON[case]
    Path("bad.json").write_bytes(content)
    start = time.process_time()
    given = {"--fingerprint": "here.json", "--target": "h100", option: "bad.json"}
    assert main(["doctor", *(word for pair in given.items() for word in pair)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"parity: {answer}")
    assert "internal error" not in told
    assert time.process_time() - start < PATIENCE_S


@pytest.mark.parametrize(
    "content",
    [GOOD.encode(), b"\xef\xbb\xbf" + GOOD.encode(), GOOD.encode("utf-16"), GOOD.replace("\n", "\r\n").encode(),
     b"--- \n" + GOOD.encode() + b"...\n", b'{"version": 1, "default_target": "h100"}',
     b"version: 1\ndefault_target: h100 # ]]]]]]\nperf_tests: {paths: ['" + b"[" * 300 + b"']}\n"],
    ids=["UTF-8", "UTF-8 with mark", "UTF-16 with mark", "CRLF", "document marks", "JSON", "brackets in text"],
)  # fmt: skip
def test_an_odd_but_honest_project_file_is_read(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(capsys, content) == (0, "")


def test_anchors_and_merges_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = doctor(
        capsys,
        "default_target: a\n"
        "targets:\n"
        "  a: &a {device: h100, conditions: &c {}, stack: &s {}}\n"
        "  b: {<<: *a, count: 2, stack: *s}\n"
        "  c: {device: h200, stack: *s, conditions: *c}\n",
    )
    assert (status, told) == (0, "")


def test_an_alias_bomb_costs_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputFileError):
            load_yaml(laughs(20, width=20), where="bomb")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MIB


def test_long_keys_over_many_aliases_cost_no_memory() -> None:
    key = "k" * 300_000
    text = f"a: &a [{','.join('x' * 1000)}]\n? {key}\n: [{','.join(['*a'] * 100)}]\n"
    tracemalloc.start()
    try:
        document = load_yaml(text, where="long")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(document.data[key]) == 100
    assert max(map(len, document.lines)) <= MAX_PATH_CHARS
    assert peak < 200 * MIB


def test_every_key_path_has_its_line() -> None:
    document = load_yaml("a: 1\nb:\n  - c\n  - d: {e: 2}\n", where="x")
    assert document == Document(
        {"a": 1, "b": ["c", {"d": {"e": 2}}]},
        {"": 1, "a": 1, "b": 3, "b[0]": 3, "b[1]": 4, "b[1].d": 4, "b[1].d.e": 4},
        "x",
    )


# files


@pytest.mark.parametrize("option", ["--config", "--fingerprint", "--target"])
@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("gone.json", "gone.json: no such file\n  mend: check the path"),
        ("folder.json", "folder.json: cannot be read: Is a directory\n  mend: check the path and its permissions"),
        ("nul\0.json", "nul\\x00.json: cannot be read: embedded null byte\n"),
        ("x" * 300 + ".json", "x" * 300 + ".json: cannot be read: File name too long\n"),
    ],
    ids=["missing", "a folder", "NUL in the name", "long name"],
)
def test_a_file_that_cannot_be_read_is_named(
    option: str, name: str, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder.json").mkdir()
    given = {"--fingerprint": "here.json", "--target": "h100", option: name}
    assert main(["doctor", *(word for pair in given.items() for word in pair)]) == 2
    assert capsys.readouterr().err.startswith(f"parity: {answer}")


def test_an_unset_variable_as_file_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--target", "h100", "--fingerprint", ""]) == 2
    assert capsys.readouterr().err == "parity: an empty file name\n  mend: is a variable unset?\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("here.json").chmod(0)
    assert main(["doctor", "--target", "h100", "--fingerprint", "here.json"]) == 2
    assert capsys.readouterr().err.startswith("parity: here.json: cannot be read: Permission denied\n")


@pytest.mark.parametrize(("option", "limit"), [("--config", 1), ("--fingerprint", 16), ("--target", 16)])
def test_a_file_of_50_mb_is_not_read_to_its_end(option: str, limit: int, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("big.json").open("wb") as stream:
        stream.truncate(50 * MIB)
    given = {"--fingerprint": "here.json", "--target": "h100", option: "big.json"}
    tracemalloc.start()
    try:
        assert main(["doctor", *(word for pair in given.items() for word in pair)]) == 2
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    told = capsys.readouterr().err
    assert told == f"parity: big.json: larger than {limit} MiB\n  mend: is this the file you meant?\n"
    assert peak < 45 * MIB


def test_a_file_of_the_limit_is_read(folder: Path) -> None:
    (folder / "x").write_bytes(b"x" * 100)
    assert len(read_bytes(folder / "x", limit=100)) == 100
    with pytest.raises(InputFileError):
        read_bytes(folder / "x", limit=99)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"report")))
    assert read_bytes("-") == b"report"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InputFileError, match="standard input: empty"):
        read_bytes("-")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"\xef\xbb\xbfx", "x"),
        ("x\u00e9".encode("utf-16"), "xé"),
        (b"\xfe\xff\x00x", "x"),
        (b"caf\xe9", "caf\ufffd"),
    ],
    ids=["UTF-8", "with mark", "UTF-16", "big-endian", "Latin-1"],
)
def test_text_is_decoded_by_its_mark(raw: bytes, text: str) -> None:
    assert decode_text(raw, where="x") == text


@pytest.mark.parametrize("raw", [b"\x7fELF\0\0", b"\xff\xfe\0"], ids=["ELF", "half of UTF-16"])
def test_binary_is_no_text(raw: bytes) -> None:
    with pytest.raises(InputFileError, match=r"^x: binary data, not text\n"):
        decode_text(raw, where="x")


def test_json_is_read_and_broken_json_told() -> None:
    assert load_json(b'{"a": [1, null]}', where="x") == {"a": [1, None]}
    with pytest.raises(InputFileError) as caught:
        load_json(b'{"a": ', where="x")
    assert str(caught.value) == "x: not JSON: Input data was truncated\n  mend: correct the syntax"


# convert_all


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    size: int
    name: str = ""


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    day: dt.date
    inner: list[Inner] = []
    pins: dict[str, str] = {}
    nested: dict[str, dict[str, int]] = {}


def problems(data: object) -> list[str]:
    with pytest.raises(InvalidConfigError) as caught:
        convert_all(data, Outer, document=Document(data, {"inner[1].size": 7}, "x.yaml"))
    return [str(problem).split("\n")[0] for problem in caught.value.problems]


def test_every_problem_of_a_struct_is_told_at_once() -> None:
    inner = [{"size": 1}, {"size": "x", "nmae": 1}, {"size": 1}]
    assert problems({"name": 2.1, "day": "soon", "extra": 1, "inner": inner}) == [
        "x.yaml: name: text is needed, not a number",
        "x.yaml: day: no date",
        "x.yaml: extra: unknown key",
        "x.yaml:7: inner[1].size: a whole number is needed, not text",
        "x.yaml: inner[1].nmae: unknown key",
    ]


def test_every_missing_key_is_told() -> None:
    assert problems({}) == ["x.yaml: the key 'name' is missing", "x.yaml: the key 'day' is missing"]


def test_a_bad_value_is_not_told_again_as_missing() -> None:
    assert problems({"name": "a", "day": "soon"}) == ["x.yaml: day: no date"]


def test_the_bad_key_of_a_dict_is_found_at_any_depth() -> None:
    good = {"name": "a", "day": "2027-01-01"}
    nested: dict[str, dict[str, object]] = {outer: dict.fromkeys("uvw", 1) for outer in "abcde"}
    nested["d"] = {"u": 1, "v": "x", "w": 1}
    assert problems({**good, "nested": nested}) == ["x.yaml: nested.d.v: a whole number is needed, not text"]
    pins = {**dict.fromkeys("abcdefgh", "x"), "c": 1, "g": 2.0}
    assert sorted(problems({**good, "pins": pins})) == [
        "x.yaml: pins.c: text is needed, not a whole number",
        "x.yaml: pins.g: text is needed, not a number",
    ]


def test_a_name_with_quotes_in_it_is_told_whole() -> None:
    assert problems({"name": "a", "day": "2027-01-01", "a`b - at `$.c`": 1}) == ["x.yaml: a`b - at `$.c`: unknown key"]


def test_a_dict_of_many_mistakes_takes_no_time() -> None:
    start = time.process_time()
    data = {"name": "a", "day": "2027-01-01", "pins": dict.fromkeys(map(str, range(20_000)), 1)}
    assert len(problems(data)) == 50
    assert time.process_time() - start < PATIENCE_S


def test_what_is_right_is_returned() -> None:
    data = {"name": "a", "day": dt.date(2027, 1, 1), "inner": [{"size": 2}]}
    converted = convert_all(data, Outer, document=Document(data, {}, "x.yaml"))
    assert converted == Outer(name="a", day=dt.date(2027, 1, 1), inner=[Inner(size=2)])
    assert data["inner"] == [{"size": 2}]


# words


def test_a_problem_names_file_line_and_key() -> None:
    document = Document({}, {"a.b": 3}, "x.yaml")
    assert str(problem_at(document, "a.b", "wrong", mend="mend")) == "x.yaml:3: a.b: wrong\n  mend: mend"
    assert str(problem_at(document, "a.c", "wrong", close="d")) == "x.yaml: a.c: wrong\n  close: d"
    assert str(problem_at(document, "", "wrong")) == "x.yaml: wrong"
    assert isinstance(problem_at(document, "", "wrong"), ParityError)


def test_quoted_text_is_short_and_on_one_line() -> None:
    assert printable("plain é") == "plain é"
    assert printable("\r\n\x1b[2J\u202e") == "\\r\\n\\x1b[2J\\u202e"
    assert len(printable("x" * 10_000)) == MAX_PATH_CHARS
    assert printable("x" * 10_000).endswith("x...")


def test_near_names_are_near_and_few() -> None:
    known = ["h100", "h200", "h100-pcie", "mi300x"]
    assert near_names("h10", known) == "h100"
    assert near_names("h1000", known) == "h100, h200"
    assert near_names("h1000", known, count=1) == "h100"
    assert near_names("zzz", known) == ""
    assert near_names("h100" * 100_000, known) == ""


def test_json_is_as_deep_as_a_file_may_be_and_brackets_in_text_do_not_count() -> None:
    deep = b"[" * 65 + b"]" * 65
    assert load_json(deep, where="x.json")
    assert load_json(b'{"a": "' + b"[" * 1000 + b'"}', where="x.json") == {"a": "[" * 1000}
    with pytest.raises(InputFileError, match="nested too deeply"):
        load_json(b"[" + deep + b"]", where="x.json")
    with pytest.raises(InputFileError, match="nested too deeply"):
        load_json(b"[" + deep + b', "]"]', where="x.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_refused_and_one_that_was_given_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    os.mkfifo(path)
    with pytest.raises(InputFileError, match="a named pipe, not a file") as told:
        read_bytes(path)
    assert told.value.where == str(path)
    reading, writing = os.pipe()
    os.write(writing, b"{}")
    os.close(writing)
    try:
        if Path(f"/dev/fd/{reading}").exists():
            assert read_bytes(f"/dev/fd/{reading}") == b"{}"
    finally:
        os.close(reading)
