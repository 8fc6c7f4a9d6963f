"""Knows the tones of the page of ``parity model``, and how long its tables may get."""

TONES = {"yes": "good", "tight": "doubt", "no": "bad", "unknown": "doubt", "throttled": "doubt"}
MOST_ROWS = 400
