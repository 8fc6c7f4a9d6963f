"""gpu-parity: fingerprint the running GPU and judge it against a declared production target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.collect.homogeneous import assert_homogeneous as assert_homogeneous

__version__ = "0.1.0"
__all__ = ["__version__", "assert_homogeneous"]


def __getattr__(name: str) -> Any:
    """Import what a training script asks for when it asks; importing the package alone stays free."""
    if name == "assert_homogeneous":
        from parity.collect.homogeneous import assert_homogeneous

        return assert_homogeneous
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
