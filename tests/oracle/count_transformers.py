"""Compares the parameters of tests/fixtures/models/COUNTED.yaml with those that huggingface/transformers counts.

    python count_transformers.py            needs torch (a CPU build will do), transformers and pyyaml; no GPU, no network

Each configuration is built on torch's meta device, which takes no memory. Counted are the parameters, and the
correction of a router's scores, which transformers keeps as a buffer and checkpoints hold. Exit 1 when one differs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "models" / "COUNTED.yaml"
CORRECTION = "e_score_correction_bias"


def counted(config: dict[str, Any]) -> int:
    """Return what transformers counts of a model of this configuration."""
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForImageTextToText

    known = CONFIG_MAPPING[config["model_type"]](
        **{name: value for name, value in config.items() if name != "model_type"}
    )
    with torch.device("meta"):
        model = (AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM).from_config(known)
    buffers = sum(one.numel() for name, one in model.named_buffers() if name.endswith(CORRECTION))
    return sum(one.numel() for one in model.parameters()) + buffers


def main() -> int:
    """Compare all."""
    import transformers
    import yaml

    differ = 0
    models = yaml.safe_load(FIXTURE.read_text(encoding="utf-8"))
    for name, model in models.items():
        theirs = counted(model["config"])
        if theirs != model["parameters"]:
            differ += 1
            print(f"{name}: here {model['parameters']}, transformers {theirs}")
    print(f"{len(models)} models, {differ} differ; transformers {transformers.__version__}")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
