"""The pytest plugin of gpu-parity: a thin client that gates perf tests. PYTEST_DONT_REWRITE."""
