"""Stands before any torch that is installed: here there is none."""

raise ModuleNotFoundError("No module named 'torch'", name="torch")
