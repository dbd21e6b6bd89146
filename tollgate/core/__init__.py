"""The rules: pure functions and frozen dataclasses. No I/O, no clock, no Django; the moment comes in as `at`.

One file per matter of the trade: `money`, `digits` (numbers and prefixes), `hours` (when calls may be made), `rates`
(what a call costs). A new rule gets a file of its own here and imports nothing but the standard library.
"""
