"""Benchmarks: ratios measured side by side in one run, printed with their goals. Never part of the tests."""
