"""The benchmarks: what `make bench` measures, written to docs/benchmarks.md by `run.py`.

To add one: a module with a function that measures and returns figures, and its section in `run.py`.
"""
