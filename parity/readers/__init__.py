"""Other tools' reports as fingerprints: collect_env, nvidia-smi, amd-smi, rocm-smi, rocminfo, node labels, our JSON."""

from parity.readers.open_report import read_report

__all__ = ["read_report"]
