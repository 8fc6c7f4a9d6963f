"""A configuration is read as the whole file would be: every value, every refusal; only later."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parity.errors import InputFileError
from parity.inputs import load_json
from parity.workload.config_file import Config, load_config

WHOLE = b'{"a": [1, 2.5e3, "x\\u00e9", null], "b": {"c": true, "d": [[{}]]}, "e": -1E-22, "f": "\xc3\xa9", "g": 12345678901234}'


def told(raw: bytes, read: Any) -> Any:
    """Return what a reader gives of a file: its values, or its words of refusal."""
    try:
        data = read(raw, where="config.json")
    except InputFileError as error:
        return str(error)
    return dict(data) if isinstance(data, Config) else data


def test_a_mapping_is_not_built_before_it_is_asked() -> None:
    config = load_config(WHOLE, where="config.json")
    assert isinstance(config, Config)
    assert config._read == {}
    assert config["f"] == "é"
    assert config.get("nonesuch") is None
    assert list(config._read) == ["f"]
    assert dict(config) == load_json(WHOLE, where="config.json")
    assert len(config) == 5


def test_asking_whether_a_key_is_there_builds_nothing() -> None:
    config = load_config(WHOLE, where="config.json")
    assert ("a" in config, "z" in config, list(config)) == (True, False, ["a", "b", "e", "f", "g"])
    assert config._read == {}


def test_of_a_key_given_twice_the_last_counts() -> None:
    assert load_config(b'{"a": 1, "a": 2}', where="config.json")["a"] == 2


@pytest.mark.parametrize(
    "value",
    ["1e400", "-1E+309", "1" * 310 + ".5", "1" * 150 + "e160", "9" * 5000, '"\\q"', "01", "tru", "[1,]", '{"b" 1}'],
)
def test_what_nothing_asks_for_is_refused_all_the_same(value: str) -> None:
    raw = f'{{"unread": {value}}}'.encode()
    with pytest.raises(InputFileError, match="not JSON"):
        load_config(raw, where="config.json")
    assert told(raw, load_config) == told(raw, load_json)


@pytest.mark.parametrize(
    "raw", [b'{"a": "\xff"}', b'{"\xed\xa0\x80": 1}', b"[" * 70 + b"]" * 70, b"[1]", b"7", b"", b"{"]
)
def test_bad_text_depth_and_other_kinds_are_as_ever(raw: bytes) -> None:
    assert told(raw, load_config) == told(raw, load_json)


@pytest.mark.parametrize("value", ["Infinity", "[-Infinity, NaN]"])
def test_what_python_writes_for_no_number_is_read(value: str) -> None:
    assert "a" in load_config(f'{{"a": {value}}}'.encode(), where="config.json")


cuts = st.tuples(
    st.integers(0, len(WHOLE)),
    st.integers(0, 3),
    st.one_of(
        st.binary(max_size=3), st.sampled_from([b"1e400", b"E+999", b"9" * 250, b"[", b"}", b",", b"e1000", b'"'])
    ),
)


@given(st.lists(cuts, max_size=4))
@example([(6, 1, b"1e400")])
@example([(1, 0, b'"z": 1e+0400, ')])
def test_any_damage_is_told_in_the_same_words(damage: list[tuple[int, int, bytes]]) -> None:
    raw = WHOLE
    for start, length, text in damage:
        raw = raw[:start] + text + raw[start + length :]
    if b"Infinity" not in raw and b"NaN" not in raw:
        assert told(raw, load_config) == told(raw, load_json)
