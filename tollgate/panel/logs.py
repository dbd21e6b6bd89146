"""Where the rows of the logs come from: what people and machines did, which is searched like any list."""

from dataclasses import dataclass
from typing import Final

from tollgate.store.queries.log_finding import LogSearch
from tollgate.ui.sources import Query, QuerysetSource

LOOKED: Final = 100
"""Where rows have to be compared, those found are counted no further: a page of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource(QuerysetSource):
    """The rows of a log, and its search."""

    search: LogSearch

    def counted(self, query: Query) -> int | None:
        """What has to be compared one by one is not counted to its end."""
        return LOOKED if query.search and self.search.found(query.search).one_by_one else None
