"""Knows the child's side of a survey: ask one question, write down the answer before asking the next.

A question that hangs or kills the process is thereby known by name to the parent, and everything answered before
it is already with the parent. Standard library only: this runs in a process that must start in milliseconds.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_TEXT = 20_000
MAX_DETAIL = 500
_MAX_HELD = 500


def failed(error: BaseException) -> tuple[str, str]:
    """Return the reason of an exception nobody knows better: ``failed`` and its text."""
    return "failed", f"{type(error).__name__}: {error}"[:MAX_DETAIL]


class Ask:
    """Asks questions one by one and streams question and answer to the parent.

    Lines on the channel: ``?"key"`` a question is about to be asked, ``~"key"`` the same for one that may take as long
    as a first call, ``{"k": key, "v": value}`` an answer, ``{"k": key, "e": why, "d": detail}`` none, ``.`` the end.

    Args:
        channel: file descriptor the parent reads.
        skip: keys not to ask, because they killed or stalled an earlier child.
    """

    def __init__(self, channel: int, skip: Iterable[str] = ()) -> None:
        """Remember the channel; nothing is written yet."""
        self._channel = channel
        self._skip = frozenset(skip)
        self._held: list[str] = []

    def __call__(  # all but key and question have defaults
        self,
        key: str,
        question: Callable[..., Any],
        *args: Any,
        classify: Callable[[BaseException], tuple[str, str]] = failed,
        plain: Callable[[Any], Any] | None = None,
        slow: bool = False,
    ) -> Any:
        """Ask ``question(*args)`` under ``key``; return its answer, None when there is none.

        Args:
            key: ``nvml:0:nvmlDeviceGetName``: unique, and the source named in the fingerprint.
            question: any callable; whatever it raises becomes the answer's reason.
            args: passed on.
            classify: turns an exception into (why, detail).
            plain: turns the answer into plain JSON data; None when it is already.
            slow: whether it may take as long as a first call (imports, initialisation, waking a device).

        Returns:
            The question's own answer (a handle, a struct), or None.
        """
        if key in self._skip:
            return None
        self._write(("~" if slow else "?") + json.dumps(key))
        try:
            answer = question(*args)
            text = json.dumps({"k": key, "v": _bounded(plain(answer) if plain else answer)})
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # vendor bindings raise anything; it becomes a reason
            self.absent(key, *_reason(error, classify))
            self._write()
            return None
        self._write(text)
        return answer

    def told(self, key: str, value: Any) -> None:
        """Write down a value that needed no question. It travels with the next question."""
        self._hold({"k": key, "v": _bounded(value)})

    def absent(self, key: str, why: str, detail: str = "") -> None:
        """Write down that there is no value, and why. It travels with the next question."""
        self._hold({"k": key, "e": why, "d": _bounded(detail)[:MAX_DETAIL]})

    def done(self) -> None:
        """Tell the parent that the survey is complete."""
        self._write(".")

    def send(self, record: dict[str, Any]) -> None:
        """Write a record that is no answer to a question: what a child that serves requests says."""
        self._write(json.dumps(record))

    def _hold(self, record: dict[str, Any]) -> None:
        self._held.append(json.dumps(record))
        if len(self._held) >= _MAX_HELD:
            self._write()

    def _write(self, *lines: str) -> None:
        data = "".join(line + "\n" for line in (*self._held, *lines)).encode()
        self._held.clear()
        while data:
            data = data[os.write(self._channel, data) :]


def _reason(error: BaseException, classify: Callable[[BaseException], tuple[str, str]]) -> tuple[str, str]:
    """Return the reason of an error, even of one that its own library cannot print."""
    try:
        return classify(error)
    except Exception:  # ``str(error`` calls into the vendor library)
        return "failed", type(error).__name__


def _bounded(value: Any) -> Any:
    """Return plain data: bytes decoded, long text cut, lone surrogates replaced, containers copied."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if isinstance(value, str):
        return value[:MAX_TEXT].encode("utf-8", errors="replace").decode()
    if isinstance(value, (list, tuple)):
        return [_bounded(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _bounded(item) for key, item in value.items()}
    return value
