"""What we remember: the one Django app with tables.

models/ holds one file per noun, sql/ the statements, functions and triggers, queries/ the questions
that more than one face asks, migrations/ one straight line of history.
"""
