"""Knows a model's ``config.json``: the shape that the workload checks take, and where its number format is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.errors import InputFileError, InvalidConfigError
from parity.lint.facts import BrokenFile, Doubt, Facts, Model
from parity.lint.source import Span
from parity.lint.yaml_positions import is_template
from parity.workload.model_config import read_model_config

if TYPE_CHECKING:
    from parity.lint.source import Source

_TYPE = re.compile(r'"model_type"\s*:\s*"[^"\n]{1,100}"')
# The first of these that is written decides.
_FORMATS = tuple(
    re.compile(rf'"{key}"\s*:\s*"([^"\n]{{1,100}})"') for key in ("quant_method", "quant_algo", "torch_dtype", "dtype")
)


def scan(source: Source) -> Facts:
    """Return the model of a ``config.json``; one of something else has none.

    Raises:
        BrokenFile: it names a model type, and is not JSON.
    """
    facts = Facts(source, "model-config")
    named = _TYPE.search(source.text)
    if named is None:
        return facts
    try:
        shape = read_model_config(source.text.encode(errors="replace"), where=source.path)
    except InvalidConfigError as error:
        line = source.place(named.start())[0]
        facts.doubts.append(Doubt(what="the model", why=error.problems[0].what, line=line))
    except InputFileError as error:
        if not is_template(source.text):
            raise BrokenFile(error.what, Span(1, 1, 1, 1)) from error
    else:
        written = next((found for one in _FORMATS if (found := one.search(source.text))), None)
        facts.model = Model(
            shape=shape,
            span=source.span(named.start(), named.end()),
            dtype_span=source.span(written.start(1), written.end(1)) if written else None,
        )
    return facts
