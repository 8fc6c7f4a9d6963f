"""Reads what an installed package would choose on a device out of its own source, and never runs any of it."""
