"""Findings, waivers and policy become a level, an outcome and the table of what carries over."""

from parity.verdict.judge import judge

__all__ = ["judge"]
