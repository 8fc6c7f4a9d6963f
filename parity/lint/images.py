"""Knows what a container image's reference says about its stack: the CUDA or ROCm version, as far as the tag tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from parity.model.lint_data import LintData

_CUDA_TAG = re.compile(r"(\d{1,2}\.\d)(?:\.\d+)?(?:-|$)")
_TORCH_TAG = re.compile(r"(\d+\.\d+)(?:\.\d+)?-cuda(\d{1,2}\.\d)")
_ROCM_TAG = re.compile(r"(?:rocm-?)?(\d\.\d)(?:\.\d+)?")
_NGC_TAG = re.compile(r"(\d{2}\.\d{2})-")
# What shares one release number per month, and one CUDA with it; other products number their own releases.
_FRAMEWORKS = frozenset({"pytorch", "tensorflow", "jax", "mxnet", "paddlepaddle", "tritonserver", "tensorrt"})
# Images whose tag decides the CUDA or ROCm stack that is measured.
GPU_IMAGES = re.compile(
    r"(?:^|/)(?:nvidia/cuda|pytorch/pytorch|rocm/(?:pytorch|vllm|dev-[\w-]+|rocm-terminal|sgl-dev|jax|tensorflow|composable_kernel)"
    r"|vllm/vllm-openai(?:-rocm)?|lmsysorg/sglang|nvcr\.io/nvidia/(?:pytorch|cuda|tritonserver|tensorrt-llm/release|jax|tensorflow))$"
)


class Reference(NamedTuple):
    """An image's parts; an absent tag or digest is empty."""

    name: str
    tag: str
    digest: str


def split(reference: str) -> Reference:
    """Return the parts of a reference.

    >>> split("registry:5000/nvidia/cuda:12.8.1-devel@sha256:ab")
    Reference(name='registry:5000/nvidia/cuda', tag='12.8.1-devel', digest='sha256:ab')
    """
    rest, _, digest = reference.partition("@")
    slash = rest.rfind("/")
    colon = rest.find(":", slash + 1)
    return Reference(rest, "", digest) if colon < 0 else Reference(rest[:colon], rest[colon + 1 :], digest)


def _short(name: str) -> str:
    return name.removeprefix("docker.io/").removeprefix("index.docker.io/")


def cuda_of(reference: str, data: LintData) -> str | None:
    """Return the CUDA version of an image (``12.8``) when its tag settles it, else None.

    Of an NGC release only those in the data are settled.
    """
    name, tag, _ = split(reference)
    short = _short(name)
    if short.endswith("nvidia/cuda") or short == "nvcr.io/nvidia/cuda":
        match = _CUDA_TAG.match(tag)
        return match[1] if match else None
    if short == "pytorch/pytorch":
        match = _TORCH_TAG.match(tag)
        return match[2] if match else None
    release = ngc_release(reference)
    return next((row.cuda for row in data.ngc if row.release == release), None)


def cuda_at_most(reference: str, data: LintData) -> str | None:
    """Return a CUDA version that the image's is not newer than; releases between two known ones count as the later."""
    known = cuda_of(reference, data)
    if known:
        return known
    release = ngc_release(reference)
    if release is None or not any(row.release <= release for row in data.ngc):
        return None  # older than anything the data know
    later = sorted(row.release for row in data.ngc if row.release >= release)
    return next((row.cuda for row in data.ngc if later and row.release == later[0]), None)


def ngc_release(reference: str) -> str | None:
    """Return the release of an NGC framework image (``24.05``), None of any other image."""
    name, tag, _ = split(reference)
    if not name.startswith("nvcr.io/nvidia/") or name.rpartition("/")[2] not in _FRAMEWORKS:
        return None
    match = _NGC_TAG.match(tag)
    return match[1] if match else None


def rocm_of(reference: str) -> str | None:
    """Return the ROCm version of a ``rocm/...`` image when its tag settles it, else None."""
    name, tag, _ = split(reference)
    if not _short(name).startswith("rocm/"):
        return None
    match = _ROCM_TAG.match(tag)
    return (
        match[1]
        if match and ("rocm" in tag or name.endswith(("dev-ubuntu-22.04", "dev-ubuntu-24.04", "rocm-terminal")))
        else None
    )


def floats(reference: str) -> bool:
    """Return whether a GPU image's tag may mean another stack tomorrow."""
    name, tag, digest = split(reference)
    moving = tag in ("", "latest", "nightly", "main", "dev", "edge") or tag.endswith("-latest")
    return bool(GPU_IMAGES.search(_short(name))) and not digest and moving
