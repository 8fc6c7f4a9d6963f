"""Knows the neutral facts that scanners take from files and rules judge, whatever the file's format."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from parity.lint.source import Source, Span
from parity.workload.model_shape import ModelShape

if TYPE_CHECKING:
    from parity.model.tuned import TunedEntry

N = TypeVar("N", bound=ast.AST)
How = Literal["image", "ci", "shell", "compose", "kubernetes", "python", "make", "cmake", "dotenv"]


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """An environment variable, build argument or make variable that a file sets.

    Attributes:
        value: None when the file does not settle it.
        span: the value; whole: name and value together.
        how: what kind of place sets it.
        scope: a Dockerfile stage, a workflow job, a function; settings of one scope act together.
        perf: the place runs perf tests, or is about performance.
        conditional: only some paths through the file set it.
        default: it holds only where nothing else is given (``${X:-...}``, ARG, ``if(NOT DEFINED X)``).
    """

    name: str
    value: str | None
    span: Span
    whole: Span
    how: How
    scope: str = ""
    perf: bool = False
    conditional: bool = False
    default: bool = False


class ArchList(msgspec.Struct, frozen=True, kw_only=True):
    """The GPU architectures that something is built for.

    Attributes:
        tool: ``torch`` (TORCH_CUDA_ARCH_LIST), ``cmake`` (CMAKE_CUDA_ARCHITECTURES, CUDAARCHS), ``nvcc`` (-gencode),
            ``amd`` (PYTORCH_ROCM_ARCH, GPU_TARGETS, --offload-arch).
        name: as the file spells it.
        text: None when the file does not settle it.
        adds: it adds to a list that other places make (``$X;9.0``, ``list(APPEND``).
    """

    tool: Literal["torch", "cmake", "nvcc", "amd"]
    name: str
    text: str | None
    span: Span
    how: How
    scope: str = ""
    adds: bool = False
    conditional: bool = False


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A container image that something starts from or runs in.

    Attributes:
        reference: ``registry/name:tag``; None when the file does not settle it.
        scope: the stage or job that uses it.
    """

    reference: str | None
    span: Span
    how: How
    scope: str = ""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A Python distribution that a file asks for.

    Attributes:
        name: normalised.
        specifier: version specifier (``==2.9.0``); a lock file's version is written that way; empty: any.
        index: index URL that the same command or file names; empty: none, and ``?``: one that is not settled.
        other_index: another index is asked too, the default one or one more that is named.
        group: requirements of one group are installed together.
        marker: it holds for some environments only.
        locked: a lock file says so.
    """

    name: str
    specifier: str
    span: Span
    group: str = ""
    index: str = ""
    other_index: bool = False
    marker: str = ""
    locked: bool = False


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One simple command of a script.

    Attributes:
        words: words as the shell would see them; None where the file does not settle one.
        spans: one per word.
    """

    words: tuple[str | None, ...]
    spans: tuple[Span, ...]
    how: How
    scope: str = ""
    environment: dict[str, str | None] = {}


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a CI pipeline.

    Attributes:
        labels: what selects its runner: each label with its place; a matrix gives one per value; None: not settled.
        commands: what its steps run.
    """

    name: str
    labels: tuple[tuple[str | None, Span], ...]
    commands: tuple[Command, ...]
    environment: dict[str, str | None] = {}


class GpuRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request of GPUs from a scheduler.

    Attributes:
        resource: ``nvidia.com/gpu``, ``amd.com/gpu``, ``nvidia.com/mig-1g.10gb``, ``gres``.
        kind: the object's kind (``Deployment``) or ``slurm``.
        selectors: what narrows the choice of a GPU or node: key, value (None: not settled) and place.
        open: something not settled here may narrow it further (a template, a partition, a runtime class).
    """

    resource: str
    kind: str
    span: Span
    selectors: tuple[tuple[str, str | None, Span], ...] = ()
    open: bool = False


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a file describes.

    Attributes:
        span: what names its type; dtype_span: what names its number format; None: nothing does.
    """

    shape: ModelShape
    span: Span
    dtype_span: Span | None = None


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """A value that the file does not settle."""

    what: str
    why: str
    line: int


class Facts:
    """Everything the scanners took from one file."""

    def __init__(self, source: Source, kind: str) -> None:
        """Start with nothing found."""
        self.source = source
        self.kind = kind
        self.settings: list[Setting] = []
        self.arch_lists: list[ArchList] = []
        self.images: list[Image] = []
        self.requirements: list[Requirement] = []
        self.commands: list[Command] = []
        self.jobs: list[Job] = []
        self.gpu_requests: list[GpuRequest] = []
        self.shared_gpus: list[tuple[str, Span]] = []
        self.doubts: list[Doubt] = []
        self.model: Model | None = None
        self.tuned: tuple[TunedEntry, ...] = ()
        self.bases: dict[str, str] = {}
        self.tree: ast.Module | None = None
        self.broken: tuple[str, Span] | None = None
        self.readable = True
        self._nodes: dict[type[ast.AST], list[ast.AST]] | None = None

    def nodes(self, kind: type[N]) -> list[N]:
        """Return every node of one type in a Python file's tree, in no promised order; one walk serves all rules."""
        if self._nodes is None:
            self._nodes = _by_type(self.tree) if self.tree is not None else {}
        return self._nodes.get(kind, [])  # type: ignore[return-value]

    @property
    def path(self) -> str:
        """Return the file's path."""
        return self.source.path


def _by_type(tree: ast.Module) -> dict[type[ast.AST], list[ast.AST]]:
    found: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        kind = node.__class__
        found[kind].append(node)
        if kind is ast.Name or kind is ast.Constant:  # half of all nodes, and nothing below them
            continue
        if kind is ast.Attribute:
            stack.append(node.value)  # type: ignore[attr-defined]
            continue
        for name in node._fields:
            value = getattr(node, name, None)
            if value.__class__ is list:
                stack += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                stack.append(value)
    return found


class BrokenFile(Exception):  # noqa: N818  (it says what is so, not what failed)
    """A file that is not what its name says.

    Attributes:
        reason, span: why, and where.
        other: it may well be what its name says, in a newer or older grammar than this program reads.
    """

    def __init__(self, reason: str, span: Span, *, other: bool = False) -> None:
        """Keep the reason and the place."""
        super().__init__(reason)
        self.reason, self.span, self.other = reason, span, other


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule yields; id, severity and general mend come from its card.

    Attributes:
        message: one sentence that needs no other field.
        mend: what to do, when the card's general advice can be made precise.
        fix: text that takes the place of ``span``, when the mend is mechanical.
    """

    span: Span
    message: str
    mend: str = ""
    fix: str | None = None
