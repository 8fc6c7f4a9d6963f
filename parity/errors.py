"""Knows the purposeful errors and the exit status each one stands for."""

from __future__ import annotations


class ParityError(Exception):
    """Base of every error raised on purpose: what happened, where, and the mend.

    Attributes:
        exit_status: the process exit status this error stands for: 2 is misuse or internal error, 3 is "nothing
            could be judged".
    """

    exit_status = 2

    def __init__(self, what: str, *, where: str = "", mend: str = "", close: str = "") -> None:
        """Store the parts; ``close`` names near names, comma separated."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend
        self.close = close

    def __str__(self) -> str:
        """Return ``where: what`` with the near names and the mend on lines of their own."""
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.close:
            lines.append(f"  close: {self.close}")
        if self.mend:
            lines.append(f"  mend: {self.mend}")
        return "\n".join(lines)


class UsageError(ParityError):
    """A command line, option or environment value that cannot be used."""


class InputFileError(ParityError):
    """A file given by the user that cannot be read as what it should be."""


class UnknownNameError(ParityError):
    """A name (target, rule, device, level) that nothing answers to."""


class InvalidConfigError(ParityError):
    """One configuration file with one or more problems, all reported at once.

    Attributes:
        problems: list[ParityError], one per problem, in file order.
    """

    def __init__(self, problems: list[ParityError]) -> None:
        """Collect ``problems``; there is at least one."""
        super().__init__(problems[0].what, where=problems[0].where)
        self.problems = problems

    def __str__(self) -> str:
        """Return every problem, one after the other; a mend that several share stands once, below the last of them."""
        lines = []
        for position, problem in enumerate(self.problems):
            following = self.problems[position + 1 : position + 2]
            shared = bool(problem.mend and following and following[0].mend == problem.mend)
            told = str(problem)
            lines.append(told.removesuffix(f"\n  mend: {problem.mend}") if shared else told)
        return "\n".join(lines)


class UnreadModelError(InvalidConfigError):
    """The configuration of a model whose type is not known here, and whose keys are others than those looked for."""

    exit_status = 3


class CatalogError(ParityError):
    """A file below ``rules/`` is broken; a defect of the installation or of an overlay."""


class NothingToJudgeError(ParityError):
    """Zero subjects: nothing was read that could be judged."""

    exit_status = 3
