"""One straight line of history. Each migration is named for its change."""
