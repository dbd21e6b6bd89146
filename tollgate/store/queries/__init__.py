"""Questions that more than one face asks: one file per subject. Reading only; what writes is an act.

To add one, write a function that takes the account (or a record of it) and the moment as `at`, and returns a queryset
or frozen dataclasses. Hot or wide statements live in `store/sql/panel_*.sql` and are run by `statements.rows`.
"""
