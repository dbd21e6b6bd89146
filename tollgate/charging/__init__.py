"""The charging process: it decides about calls, holds and settles their money, and answers switches.

`server` listens, `desk` collects requests into batches, `batch` carries one batch out in one transaction, `snapshot`
knows the records, `timers` and `reconcile` look after live calls, `edges` speaks to switch nodes. Nothing here knows
Django; the tables are reached through the statements in `tollgate/store/sql`.
"""
