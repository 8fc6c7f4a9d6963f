"""Makes a Python program that a test starts with this folder on its path patient: see ``patience.py``."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("_patience", Path(__file__).resolve().parents[1] / "patience.py")
assert _spec is not None
assert _spec.loader is not None
_patience = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_patience)
_patience.install()
