"""Knows how ``python -m parity`` starts: as the command ``parity`` does."""

from __future__ import annotations

from parity.cli.main import program

if __name__ == "__main__":
    program()
