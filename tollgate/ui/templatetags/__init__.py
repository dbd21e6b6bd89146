"""Template tags of the furniture; `ui.py` holds them all."""
