"""Knows the configurations that a Triton kernel is tuned over, from its Python source: warps, CTAs, register bound.

Only what a configuration states is told. Its shared memory follows from the kernel and the stages together, and is
known when the kernel has been compiled: give the ``.cubin`` or ``.hsaco`` of Triton's cache for that.
"""

from __future__ import annotations

import ast
import warnings

import msgspec

from parity.binaries.gathered import Found
from parity.errors import InputFileError
from parity.inputs import decode_text, printable, read_bytes
from parity.model.kernel_resources import KernelNeeds

MAX_CONFIGS = 5000
DEFAULT_WARPS = 4  # triton.Config's own
_CLASS = "Config"
_LAUNCH = ("num_warps", "num_stages", "num_ctas", "maxnreg")  # what no other class of that name takes


class TritonConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One ``triton.Config`` whose numbers stand in the source.

    Attributes:
        line: where.
        meta: the sizes that it gives the kernel: ``{"BLOCK_M": 128}``; those that are no plain numbers are left out.
        warps, ctas: per block; per cluster.
        stages: of software pipelining; None: the kernel's default.
        registers: the most per thread (``maxnreg``); None: not bounded.
    """

    line: int
    meta: dict[str, int]
    warps: int = DEFAULT_WARPS
    ctas: int = 1
    stages: int | None = None
    registers: int | None = None

    @property
    def label(self) -> str:
        """Return ``line 12: BLOCK_M=128, num_warps=8``."""
        told = [*(f"{name}={value}" for name, value in self.meta.items()), f"num_warps={self.warps}"]
        told += [f"num_stages={self.stages}"] if self.stages is not None else []
        told += [f"num_ctas={self.ctas}"] if self.ctas != 1 else []
        return printable(f"line {self.line}: {', '.join(told)}")


def triton_configs(source: str) -> tuple[list[TritonConfig], int]:
    """Return (the configurations of a source in order, how many have numbers that only running it would tell).

    Raises:
        SyntaxError: the source is no Python.

    >>> triton_configs("configs = [triton.Config({'M': 64}, num_warps=8), triton.Config({'M': n}, num_warps=w)]")[1]
    1
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd literals of somebody else's file are no news here
            tree = ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error)) from error
    told: list[TritonConfig] = []
    calls, open_ = config_calls(tree)
    for call in calls:
        found = _config(call)
        if found is None:
            open_ += 1
        elif len(told) < MAX_CONFIGS:
            told.append(found)
    return sorted(told, key=lambda one: one.line), open_


def config_calls(tree: ast.AST) -> tuple[list[ast.Call], int]:
    """Return (the calls that make a configuration, how often its class is used in a way that only running tells).

    The class is whatever imports and plain assignments of the file call it (``tr.Config``, ``Config``). One that is
    called so and takes what only a configuration takes (``num_warps=``) is one wherever it is from.
    """
    nodes = list(ast.walk(tree))
    modules, classes = _names(nodes)
    calls, used = [], set()
    for node in nodes:
        if isinstance(node, ast.Call):
            known = _is_class(node.func, modules, classes)
            if known or (_last(node.func) == _CLASS and any(word.arg in _LAUNCH for word in node.keywords)):
                calls.append(node)
                used.add(id(node.func))
    told = used | _plain_uses(nodes)
    others = [node for node in nodes if id(node) not in told and _is_class(node, modules, classes)]
    return calls, sum(isinstance(getattr(node, "ctx", None), ast.Load) for node in others)


def _names(nodes: list[ast.AST]) -> tuple[set[str], set[str]]:
    """Return (names of modules that have the class, names of the class itself)."""
    modules, classes = {"triton"}, set()
    for node in nodes:
        if isinstance(node, ast.Import):
            modules |= {word.asname for word in node.names if word.asname and word.name.split(".")[0] == "triton"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "triton" and not node.level:
            for word in node.names:
                if word.name in (_CLASS, "*"):
                    classes.add(word.asname or _CLASS)
                else:
                    modules.add(word.asname or word.name)
    for node in nodes:
        if isinstance(node, ast.Assign) and _is_class(node.value, modules, classes):
            classes |= {one.id for one in node.targets if isinstance(one, ast.Name)}
    return modules, classes


def _is_class(node: ast.AST, modules: set[str], classes: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in classes
    return isinstance(node, ast.Attribute) and node.attr == _CLASS and _first(node.value) in modules


def _first(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _plain_uses(nodes: list[ast.AST]) -> set[int]:
    """Return the nodes in annotations, checks of a type and assignments: there a class makes nothing."""
    roots: list[ast.AST | None] = []
    for node in nodes:
        roots += [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Attribute)):
            roots.append(node.value)
        if isinstance(node, ast.Call) and _last(node.func) in ("isinstance", "issubclass", "cast"):
            roots += node.args
        if isinstance(node, ast.ClassDef):
            roots += node.bases
    return {id(one) for root in roots if root is not None for one in ast.walk(root)}


def _config(call: ast.Call) -> TritonConfig | None:
    """Return the configuration; None when a number of the launch is computed elsewhere."""
    named = {word.arg: word.value for word in call.keywords}
    if None in named or any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    positional = dict(zip(("kwargs", "num_warps", "num_stages", "num_ctas"), call.args, strict=False))
    numbers = {}
    for name in ("num_warps", "num_stages", "num_ctas", "maxnreg"):
        node = named.get(name, positional.get(name))
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            continue
        value = _whole(node)
        if value is None:
            return None
        numbers[name] = value
    return TritonConfig(
        line=call.lineno,
        meta=_meta(named.get("kwargs", positional.get("kwargs"))),
        warps=numbers.get("num_warps", DEFAULT_WARPS),
        ctas=numbers.get("num_ctas", 1),
        stages=numbers.get("num_stages"),
        registers=numbers.get("maxnreg"),
    )


def _meta(node: ast.expr | None) -> dict[str, int]:
    if not isinstance(node, ast.Dict):
        return {}
    told = {}
    for key, value in zip(node.keys, node.values, strict=True):
        number = _whole(value)
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and number is not None:
            told[key.value[:60]] = number
    return told


def _whole(node: ast.expr) -> int | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if type(value) is int and 0 <= value < 2**31 else None


def source_kernels(path: str) -> Found:
    """Return the configurations of a Python file as needs of kernels that are not compiled yet.

    Raises:
        InputFileError: the file cannot be read, is no Python, or has no ``triton.Config``.
    """
    try:
        configs, open_ = triton_configs(decode_text(read_bytes(path), where=path))
    except SyntaxError as error:
        raise InputFileError(f"no Python: {error.msg}", where=path, mend="correct the syntax") from error
    if not configs and not open_:
        raise InputFileError("no triton.Config(...)", where=path, mend="give the file with the autotune list")
    told = f"{open_} configurations, or uses of their class, have numbers that only running the file would tell"
    problems = (told,) if open_ else ()
    needs = tuple(
        KernelNeeds(
            name=one.label,
            arch="triton",
            from_source=True,
            warps=one.warps,
            cluster_blocks=one.ctas if one.ctas > 1 else 0,
        )
        for one in configs
    )
    return Found(needs, problems, 0)
