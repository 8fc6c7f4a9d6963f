"""gpu-parity: fingerprint the running GPU and judge it against a declared production target."""

__version__ = "0.1.0"
