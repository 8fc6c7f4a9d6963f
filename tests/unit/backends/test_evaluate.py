"""Functions evaluated from source: what is decided, what stays open, what is given up, and that nothing runs."""

from __future__ import annotations

import time
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

import pytest
from sources import written

from parity.backends import names
from parity.backends.evaluate import Outcome, explore
from parity.backends.machine import AskedMachine
from parity.backends.values import FunctionValue, Unknown, shown

if TYPE_CHECKING:
    from pathlib import Path

H100 = AskedMachine(arch="sm_90", cuda="12.8", environment={"MY_FLAG": "1"})


def outcomes(root: Path, source: str, *, machine: AskedMachine = H100, **files: str) -> list[Outcome]:
    """Return the outcomes of the function ``choose`` of a module, with further modules beside it."""
    extra = {f"pack/{name}.py": text for name, text in files.items()}
    tree = written(root, {"pack/__init__.py": "", "pack/m.py": source, **extra})

    def start(run: Any) -> Any:
        found = names.lookup(run, "pack.m", "choose")
        assert isinstance(found, FunctionValue)
        return run.call(found, [], {}, "choose")

    return explore(tree, machine, start)


def told(root: Path, body: str, *, machine: AskedMachine = H100) -> list[str]:
    source = "import torch\nimport os\nfrom functools import lru_cache, partial\n"
    source += "def choose():\n" + indent(dedent(body), "    ")
    return sorted({shown(one.value) for one in outcomes(root, source, machine=machine)})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return 'a' if torch.cuda.get_device_capability() >= (9, 0) else 'b'", ["a"]),
        ("major, minor = torch.cuda.get_device_capability(0)\nreturn major * 10 + minor", ["90"]),
        ("return torch.cuda.get_device_capability()[0] in (8, 10)", ["False"]),
        ("return torch.version.cuda", ["12.8"]),
        ("return torch.version.hip is None", ["True"]),
        ("return tuple(map(int, torch.version.cuda.split('.'))) >= (12, 3)", ["True"]),
        ("return tuple(int(x) for x in torch.version.cuda.split('.'))[:1] == (12,)", ["True"]),
        ("return float(torch.version.cuda) < 12.9", ["True"]),
        ("return os.environ.get('MY_FLAG', '0') == '1'", ["True"]),
        ("return os.getenv('OTHER') is None", ["True"]),
        ("return hasattr(torch, 'mps') and torch.mps.is_available()", ["False"]),
        ("x = []\nx.append(1)\nx.insert(0, 2)\nreturn x", ["2, 1"]),
        ("for n in [1, 2]:\n    if n == 2:\n        return n", ["2"]),
        ("try:\n    import nothing_here\nexcept ImportError:\n    return 'no'\nreturn 'yes'", ["yes"]),
        ("try:\n    from pack.gone import x\nexcept ImportError:\n    return 'no'\nreturn 'yes'", ["no"]),
        ("return dtype() == 1", ["? (dtype() == 1)"]),
        ("return torch.float16 == torch.half", ["True"]),
        ("return torch.float16 == torch.bfloat16", ["False"]),
        ("return not unknown_thing()", ["False", "True"]),
        (
            "assert torch.version.hip is not None\nreturn 1",
            ["? (an answer; it raises on the way, pack/m.py: assert torch.version.hip is not None)"],
        ),
        ("raise ValueError('no')", ["? (an answer; it raises on the way, pack/m.py: raise ValueError('no'))"]),
        ("x = {'a': 1}\nreturn x.get('b', 2)", ["2"]),
        ("return f'{torch}' is None", ["False"]),
        ("return [*[1], 2]", ["1, 2"]),
    ],
)
def test_what_is_decided(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert told(tmp_path, body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    pass",
        "for x in range(3):\n    pass\nreturn 1",
        "return 10 ** 10 ** 10",
        "return 'a' * 10 ** 12",
        "x = [1]\nx.append(unknown())\nx.extend(unknown())\nreturn x[0]",
        "x = {}\nx['a'] = 1\nreturn x.get('a')",
        "torch.thing = 1\nreturn torch.thing",
        "return choose()",
        "match 1:\n    case 1:\n        return 2",
        "return eval('1')",
        "return open('/etc/passwd').read()",
        "return __import__('os').system('true')",
        "x = 999999999999999\nreturn x * x * x",
    ],
)
def test_what_is_not_understood_is_unknown(tmp_path: Path, body: str) -> None:
    begun = time.process_time()
    source = "import torch\ndef choose():\n" + indent(body, "    ")
    assert all(isinstance(one.value, Unknown) for one in outcomes(tmp_path, source))
    assert time.process_time() - begun < 10


def test_a_condition_that_is_open_is_taken_both_ways_and_told(tmp_path: Path) -> None:
    source = """
        def choose(cfg=None, *, size):
            if size > 128:
                return "large"
            return "small"
    """
    found = outcomes(tmp_path, source)
    assert found == [Outcome("large", (("size > 128", True),)), Outcome("small", (("size > 128", False),))]


def test_one_condition_met_twice_in_a_call_goes_one_way(tmp_path: Path) -> None:
    source = """
        def choose(flag):
            a = 1 if flag else 2
            b = 1 if flag else 2
            return a == b
    """
    assert {one.value for one in outcomes(tmp_path, source)} == {True}


def test_the_same_text_in_two_calls_may_be_two_values(tmp_path: Path) -> None:
    source = """
        def one(flag):
            return 1 if flag else 2
        def choose():
            return one(first()) + one(second())
        def first():
            return helper.flag
        def second():
            return helper.flag
    """
    assert {one.value for one in outcomes(tmp_path, source)} == {2, 3, 4}


def test_classes_their_bases_and_super(tmp_path: Path) -> None:
    source = """
        class Base:
            limit = 80
            @classmethod
            def takes(cls, number):
                return number >= cls.limit
        class Child(Base):
            limit = 90
            @classmethod
            def takes(cls, number):
                return super().takes(number) and number < 100
        class Made:
            def __init__(self, start, end=None):
                self.start, self.end = start, end
            def __contains__(self, x):
                return x >= self.start
            @property
            def twice(self):
                return self.start * 2
        def choose():
            return [Child.takes(85), Child.takes(95), Child.takes(100), 5 in Made(4), Made(3).twice]
    """
    assert shown(outcomes(tmp_path, source)[0].value) == "False, True, False, True, 6"


def test_names_are_followed_through_imports_stars_and_partial(tmp_path: Path) -> None:
    source = """
        from functools import lru_cache, partial
        from .other import *
        from .other import limit as bound
        check = lru_cache(maxsize=1)(partial(_at_least, least=bound))
        def _at_least(least, number=95):
            return number >= least
        def choose():
            return check() and starred()
    """
    other = "limit = 90\ndef starred():\n    return True\n"
    assert outcomes(tmp_path, source, other=other)[0].value is True


def test_a_name_bound_in_a_try_of_imports_goes_by_what_is_there(tmp_path: Path) -> None:
    source = """
        try:
            from . import there
            HAVE = True
        except ImportError:
            HAVE = False
        try:
            from . import gone
            LACK = True
        except ImportError:
            LACK = False
        if len("ab") == 2:
            ODD = 1
        else:
            ODD = 2
        def choose():
            return [HAVE, LACK, ODD]
    """
    value = outcomes(tmp_path, source, there="")[0].value
    assert value[:2] == [True, False]
    assert isinstance(value[2], Unknown)


def test_an_unknown_decorator_may_change_what_a_function_returns(tmp_path: Path) -> None:
    source = """
        def twist(f):
            return lambda: 2
        @twist
        def inner():
            return 1
        def choose():
            return inner()
    """
    assert isinstance(outcomes(tmp_path, source)[0].value, Unknown)


def test_too_many_ways_are_no_answer(tmp_path: Path) -> None:
    lines = "\n".join(f"    if flag{number}:\n        x = {number}" for number in range(12))
    arguments = ", ".join(f"flag{number}" for number in range(12))
    found = outcomes(tmp_path, f"def choose({arguments}):\n    x = 0\n{lines}\n    return x\n")
    assert [shown(one.value) for one in found] == ["? (more than 128 ways through the source)"]


@pytest.mark.parametrize("text", ["def (", "x = " + "(" * 5000, "\x00", "x = " + "-" * 100_000 + "1"])
def test_source_that_does_not_parse_is_told(tmp_path: Path, text: str) -> None:
    tree = written(tmp_path, {"pack/__init__.py": "", "pack/m.py": text})
    found = explore(tree, H100, lambda run: names.lookup(run, "pack.m", "x"))
    assert all(isinstance(one.value, Unknown) for one in found)
    assert "pack/m.py is not read" in found[0].value.text


def test_nothing_of_a_package_is_run(tmp_path: Path) -> None:
    source = f"""
        open({str(tmp_path / "ran")!r}, "w").close()
        def choose():
            open({str(tmp_path / "ran")!r}, "w").close()
            return 1
    """
    assert outcomes(tmp_path, source)[0].value == 1
    assert not (tmp_path / "ran").exists()


def test_amd_devices_have_the_capability_that_torch_gives_them(tmp_path: Path) -> None:
    body = "return [torch.cuda.get_device_capability(), torch.version.cuda, torch.version.hip is None]"
    assert told(tmp_path, body, machine=AskedMachine(arch="gfx942")) == ["9, 4, None, False"]
    assert told(tmp_path, "return get_device_capability()", machine=AskedMachine(arch="gfx90a")) == ["9, 0"]


def test_an_open_name_of_a_module_is_one_value_in_every_call(tmp_path: Path) -> None:
    source = """
        if len(somewhere()) == 2:
            HAVE = True
        else:
            HAVE = False
        def one():
            return 4 if HAVE else 2
        def choose():
            version = one()
            if version == 4:
                assert one() == 4
            return version
    """
    assert outcomes(tmp_path, source) == [Outcome(4, (("HAVE", True),)), Outcome(2, (("HAVE", False),))]


@pytest.mark.parametrize(
    ("raised", "caught", "expected"),
    [
        ("raise ValueError('x')", "ValueError", "caught"),
        ("raise KeyError", "LookupError", "caught"),
        ("raise KeyError", "(OSError, KeyError)", "caught"),
        ("raise KeyError", "Exception", "caught"),
        ("assert 1 == 2", "AssertionError", "caught"),
        ("from pack.gone import x", "ModuleNotFoundError", "caught"),
        ("raise KeyError", "OSError", "? (an answer; it raises on the way, pack/m.py: raise KeyError)"),
        ("raise OwnError", "OSError", "? (whether OwnError is caught)"),
        ("raise", "OSError", "? (whether what is raised is caught)"),
    ],
)
def test_a_handler_catches_by_name_and_base(tmp_path: Path, raised: str, caught: str, expected: str) -> None:
    assert told(tmp_path, f"try:\n    {raised}\nexcept {caught}:\n    return 'caught'") == [expected]
