"""Algorithms beside each other on the same environments: see benchmarks/compare_algorithms.py."""
