"""Lists of modules: globs, names and a plain part of regular expressions; what is not read is said."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.workload.module_names import levels_of, selects
from parity.workload.module_patterns import MAX_DISTINCT, read_patterns

LAYERS = 12


def words(pattern: str) -> list[tuple[list[str], list[int] | None]]:
    told, unread = read_patterns([pattern], layers=LAYERS)
    assert not unread
    return [([word.text for word in one.words], None if one.layers is None else sorted(one.layers)) for one in told]


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("model.layers.*.self_attn", [(["self_attn"], None)]),
        ("model.layers.1.mlp", [(["mlp"], [1])]),
        ("model.layers.1*", [([], [1, 10, 11])]),
        ("model.layers.0.*", [([], [0])]),
        ("3.mlp", [(["mlp"], [3])]),
        ("model.layers.61.mlp", [(["mlp"], [])]),
        (r"re:.*layers\.(1|2)\..*", [([], [1, 2])]),
        (r"re:.*mlp\.(gate|up)_proj$", [(["mlp", "gate_proj"], None), (["mlp", "up_proj"], None)]),
        (r"re:model\.layers\.\d+\.mlp\.experts\.[0-9]+\.down_proj", [(["mlp", "experts", "down_proj"], None)]),
        ("Linear", [([], None)]),
        ("language_model.lm_head", [(["lm_head"], None)]),
    ],
)
def test_a_pattern_names_words_and_layers(pattern: str, told: list[tuple[list[str], list[int] | None]]) -> None:
    assert words(pattern) == told


@pytest.mark.parametrize(
    "pattern",
    ["", "re:(?!a)b", "re:(a|b", "re:.*[ab].*", "re:(mlp)*", "a#b", "a%b", "model.layers.3.mlp.experts.5.up_proj",
     "model.experts.5.up_proj", "layers.1.layers.2.mlp", "x" * 500, "re:" + "(a|b)" * 12, "mlp?", "re:a{2}"],
)  # fmt: skip
def test_a_pattern_of_another_kind_is_not_read(pattern: str) -> None:
    assert read_patterns([pattern], layers=LAYERS) == ((), (pattern,))


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("re:.*self_attn.*", {"q", "o"}),
        ("*attn*", {"q", "o"}),
        ("self_attn.q_proj", {"q"}),
        ("re:.*qkv_proj", {"q"}),
        ("re:.*mlp.gate", {"gate"}),  # an expression is matched from the start: gate_proj begins with gate
        ("re:.*mlp.gate$", set()),
        ("mlp.gate", set()),
        ("gate_proj", {"gate", "expert", "shared"}),
        (r"re:.*mlp\.gate_proj.*", {"gate"}),
        ("mlp.*.gate_proj", {"gate", "expert", "shared"}),
        ("mlp", {"gate", "expert", "shared"}),
        ("*.mlp.shared_expert.*", {"shared"}),
        ("block_sparse_moe.experts", {"expert"}),
        ("feed_forward", {"gate", "expert", "shared"}),
        ("mixer.*", {"mixer"}),
        ("model.layers.0*", {"q", "o", "gate", "expert", "shared", "mixer"}),
    ],
)
def test_a_pattern_names_modules(pattern: str, named: set[str]) -> None:
    modules = {
        "q": "self_attn q_proj", "o": "self_attn o_proj", "gate": "mlp gate_proj", "expert": "mlp experts gate_proj",
        "shared": "mlp shared_experts gate_proj", "mixer": "mixer in_proj",
    }  # fmt: skip
    told, unread = read_patterns([pattern], layers=LAYERS)
    assert not unread
    found = {name for name, path in modules.items() if any(selects(one, levels_of(path)) for one in told)}
    assert found == named


def test_one_pattern_for_each_layer_is_one() -> None:
    told, unread = read_patterns([f"model.layers.{n}.self_attn" for n in range(LAYERS)], layers=LAYERS)
    assert not unread
    assert [one.layers for one in told] == [frozenset(range(LAYERS))]


def test_a_hostile_list_is_bounded() -> None:
    start = time.perf_counter()
    many = [f"re:.*(a|b|c)(d|e|f){'x' * (n % 50)}{n}y.*" for n in range(65_536)]
    told, unread = read_patterns(many, layers=65_536)
    assert len(told) <= MAX_DISTINCT + 64
    assert len(unread) > 60_000
    assert time.perf_counter() - start < 5


@given(st.text(alphabet="abre:.*\\()|$^#%0123[]+?- layersmlp", max_size=60))
def test_any_text_is_read_or_is_not(pattern: str) -> None:
    told, unread = read_patterns([pattern], layers=LAYERS)
    assert told or unread == (pattern,)
    assert all(one.layers is None or one.layers <= set(range(LAYERS)) for one in told)
