"""Fingerprints of many machines, taken through the launcher that already runs there."""
