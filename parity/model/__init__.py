"""Plain data."""
