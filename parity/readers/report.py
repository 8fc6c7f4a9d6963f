"""Knows how to tell, from its content alone, what somebody pasted, and gives it to the reader of that dialect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from parity.errors import InputFileError
from parity.inputs import decode_text, load_json
from parity.model.absent import Absent, Reading
from parity.model.fingerprint import Fingerprint, Note, sealed
from parity.readers import (
    amd_smi_json,
    amd_smi_text,
    collect_env,
    node_labels,
    node_objects,
    nvidia_smi_csv,
    nvidia_smi_list,
    nvidia_smi_query,
    nvidia_smi_table,
    nvidia_smi_xml,
    rocm_smi_json,
    rocm_smi_text,
    rocminfo,
    saved_json,
    sglang_check_env,
    topology,
)
from parity.readers.clean import clean, plain
from parity.readers.draft import ReportDraft
from parity.readers.merge import merge, note_second, same_machine

if TYPE_CHECKING:
    from collections.abc import Callable

UNDERSTOOD = (
    "a saved fingerprint or verdict of this tool; an environment report of PyTorch, vLLM or SGLang;"
    " nvidia-smi (table, -L, -q, -q -x, --query-gpu with its header); amd-smi and rocm-smi (text or --json);"
    " rocminfo; Kubernetes nodes with GPU labels"
)
MAX_REPORT_CHARS = 1_000_000
MAX_REPORTS = 12
# A list of GPUs without its report; the maker's name keeps log lines such as "GPU 0: out of memory" out.
_LONE_LIST = re.compile(r"\bGPU [0-9]{1,3}(?:,[0-9]{1,3}){0,127}: (?:NVIDIA|Tesla|GeForce|Quadro|GRID|TITAN|AMD) ")
_JSON_START = re.compile(r"[\[{]")


class TextReader(NamedTuple):
    """One dialect of text reports.

    Attributes:
        name: the dialect.
        anchor: matches once per report.
        read: the text from the anchor on -> its readings.
        back: returns where the report really begins, given text and anchor.
    """

    name: str
    anchor: re.Pattern[str]
    read: Callable[[str], ReportDraft]
    back: Callable[[str, int], int]


class Found(NamedTuple):
    """One report in a paste: where it starts, its reader, and its text."""

    start: int
    reader: TextReader
    text: str


def _line_start(text: str, at: int) -> int:
    """Return the start of the anchor's line, or a little before it where a line is very long."""
    return max(text.rfind("\n", 0, at) + 1, at - 400)


def _previous_lines(text: str, at: int) -> int:
    """Return the start of the line two above: tables print the time before their first bar."""
    start = _line_start(text, at)
    for _ in range(2):
        start = max(text.rfind("\n", 0, max(start - 1, 0)) + 1, start - 400, 0)
    return start


_TEXT_READERS = (
    TextReader(collect_env.NAME, collect_env.ANCHOR, collect_env.read, collect_env.start),
    TextReader(sglang_check_env.NAME, sglang_check_env.ANCHOR, sglang_check_env.read, sglang_check_env.start),
    TextReader(nvidia_smi_query.NAME, nvidia_smi_query.ANCHOR, nvidia_smi_query.read, _line_start),
    TextReader(nvidia_smi_table.NAME, nvidia_smi_table.ANCHOR, nvidia_smi_table.read, _previous_lines),
    TextReader(nvidia_smi_list.NAME, nvidia_smi_list.ANCHOR, nvidia_smi_list.read, _line_start),
    TextReader(amd_smi_text.NAME, amd_smi_text.ANCHOR, amd_smi_text.read, _line_start),
    TextReader(rocm_smi_text.NAME, rocm_smi_text.ANCHOR, rocm_smi_text.read, _line_start),
    TextReader(rocminfo.NAME, rocminfo.ANCHOR, rocminfo.read, _previous_lines),
)
# These print their anchor several times in one report.
_ONE_REPORT = frozenset({amd_smi_text.NAME, rocminfo.NAME})
_ENVIRONMENTS = frozenset({collect_env.NAME, sglang_check_env.NAME})


def read_report(raw: bytes, *, where: str) -> Fingerprint:
    """Return the fingerprint that a foreign report, or a saved fingerprint, describes.

    Args:
        raw: the file as it is; quoting, colours, markdown and lost line breaks are undone.
        where: name of the file for messages.

    Raises:
        InputFileError: nothing in it is understood, or its syntax is broken.
    """
    text = plain(decode_text(raw, where=where))
    fingerprint = _read_data(text, where) or _read_text(text, where)
    if fingerprint is None:
        raise InputFileError(
            "no GPU report was recognised in this text", where=where, mend=f"give one of: {UNDERSTOOD}"
        )
    return sealed(fingerprint)


def _read_data(text: str, where: str) -> Fingerprint | None:
    """Return what JSON, XML or a Kubernetes object in the text says; None when it is none of them."""
    if nvidia_smi_xml.detect(text):
        return nvidia_smi_xml.read(text, where=where).build()
    stripped = text.strip()
    whole = stripped[:1] in {"{", "["}
    data = _json(text, stripped, where, whole=whole)
    fingerprint = None if data is None else _from_json(data, where)
    if fingerprint is None and whole and data is not None:
        raise InputFileError("JSON of a form that is not known", where=where, mend=f"give one of: {UNDERSTOOD}")
    return fingerprint


def _json(text: str, stripped: str, where: str, *, whole: bool) -> Any:
    """Return the JSON value that the text is, or that lies inside it; None when there is none."""
    if whole:
        try:
            return load_json(stripped.encode("utf-8", "replace"), where=where)
        except InputFileError:
            inner = _inner_json(clean(text), where)
            if inner is None and not _has_text_report(text):
                raise
            return inner
    return _inner_json(clean(text), where)


def _inner_json(text: str, where: str) -> Any:
    """Return the JSON between the first bracket that starts a line and the last that ends one."""
    start = re.search(r"^[ \t]{0,8}([\[{])[ \t]*$|^[ \t]{0,8}([\[{])\s*[\"{\[]", text, re.MULTILINE)
    if start is None:
        return None
    at = start.start(1) if start.group(1) else start.start(2)
    end = text.rfind("}" if text[at] == "{" else "]")
    if end <= at:
        return None
    try:
        return load_json(text[at : end + 1].encode("utf-8", "replace"), where=where)
    except InputFileError:
        return None


def _from_json(data: Any, where: str) -> Fingerprint | None:
    if saved_json.detect(data):
        return saved_json.read(data, where=where)
    if rocm_smi_json.detect(data):
        return rocm_smi_json.read(data).build()
    if amd_smi_json.detect(data):
        return amd_smi_json.read(data).build()
    draft = node_labels.read(node_objects.from_data(data))
    return None if draft is None else draft.build()


def _has_text_report(text: str) -> bool:
    return any(reader.anchor.search(text) for reader in _TEXT_READERS)


def _read_text(text: str, where: str) -> Fingerprint | None:
    text = clean(text)
    found = _find(text)
    if found:
        return _read_found(found)
    if node_objects.ANCHOR.search(text):
        draft = node_labels.read(node_objects.from_text(text[:MAX_REPORT_CHARS], where=where))
        if draft is not None:
            return draft.build()
    return _read_remainder(text)


def _find(text: str) -> list[Found]:
    """Return the reports in a text, in order."""
    found: list[Found] = []
    for reader in _TEXT_READERS:
        anchors = _starts(text, reader)
        for start, end in zip(anchors, [*anchors[1:], len(text)], strict=False):
            found.append(Found(start, reader, text[start : min(end, start + MAX_REPORT_CHARS)]))
    csv = TextReader(nvidia_smi_csv.NAME, _JSON_START, nvidia_smi_csv.read, _line_start)
    if "," in text or "\nname\n" in f"\n{text}":
        found.extend(
            Found(start, csv, text[start : start + MAX_REPORT_CHARS]) for start in nvidia_smi_csv.find(text)[:4]
        )
    return _without_nested(sorted(found, key=lambda each: each.start))[:MAX_REPORTS]


def _starts(text: str, reader: TextReader) -> list[int]:
    """Return where the reports of one dialect begin."""
    anchors: list[int] = []
    last_end = -1
    for match in reader.anchor.finditer(text):
        if anchors and (reader.name in _ONE_REPORT or _continues(reader, text, last_end, match.start())):
            last_end = match.end()
            continue
        anchors.append(reader.back(text, match.start()))
        last_end = match.end()
        if len(anchors) >= MAX_REPORTS:
            break
    return anchors


def _continues(reader: TextReader, text: str, last: int, at: int) -> bool:
    """Return whether a second anchor belongs to the report of the first one.

    collect_env prints two anchors per report, its first line and its GPU list; ``nvidia-smi -q`` a title and a count.
    """
    if reader.name not in {collect_env.NAME, nvidia_smi_query.NAME}:
        return False
    label = text[at : at + 12].lstrip()
    return label.startswith(("GPU models", "Attached")) and not re.search(
        r"GPU models and configuration\s*:|Attached GPUs\s*:", text[max(last - 40, 0) : at]
    )


def _without_nested(found: list[Found]) -> list[Found]:
    """Leave out what an environment report itself contains: its connection matrix is already read."""
    kept: list[Found] = []
    for each in found:
        inside = any(
            other.reader.name in _ENVIRONMENTS and other.start <= each.start < other.start + len(other.text)
            for other in kept
        )
        if inside and each.reader.name == rocm_smi_text.NAME and "Concise Info" not in each.text:
            continue
        kept.append(each)
    return kept


def _read_found(found: list[Found]) -> Fingerprint:
    """Return the first report, with what others of the same machine add."""
    drafts = [(each.reader.name, each.reader.read(each.text).build()) for each in found]
    first = next((number for number, (_, each) in enumerate(drafts) if each.devices), 0)
    name, result = drafts[first]
    readers = {name}
    for number, (reader, other) in enumerate(drafts):
        if number == first:
            continue
        if _says_nothing(other):
            continue
        if reader in readers:
            if other.devices:
                result = note_second(result, reader, "it is of the same kind as the first")
        elif same_machine(result, other):
            readers.add(reader)
            result = merge(result, other)
        else:
            result = note_second(result, reader, "it names other GPUs or versions")
    return result


def _says_nothing(fingerprint: Fingerprint) -> bool:
    return not (
        fingerprint.devices
        or fingerprint.links
        or fingerprint.stack.components
        or isinstance(fingerprint.device_count, Reading)
    )


def _read_remainder(text: str) -> Fingerprint | None:
    """Return what a lone connection matrix, a lone GPU list or an error message of nvidia-smi says."""
    count, links = topology.read_nvidia(text)
    if count > 1:
        report = ReportDraft("nvidia-smi-topo")
        report.device_count = Reading(value=count, source="nvidia-smi topo -m")
        report.links = links
        report.note("only the connection matrix was found: it says how many GPUs there are, not which")
        return report.build()
    lone = _LONE_LIST.search(text)
    if lone:
        body = text[lone.start() : lone.start() + MAX_REPORT_CHARS]
        grouped = "Compute Capability" in body or "," in lone.group()
        return (sglang_check_env.read(body) if grouped else nvidia_smi_list.read(body)).build()
    refusal = nvidia_smi_table.refusal(text)
    return None if refusal is None else _refused(refusal)


def _refused(refusal: Absent) -> Fingerprint:
    note = Note(source=refusal.source, text=refusal.detail, why=refusal.why)
    fingerprint = ReportDraft(nvidia_smi_table.NAME).build()
    return Fingerprint(origin=fingerprint.origin, device_count=refusal, notes=(note,))
