"""Why nothing can be said of a statement."""

from dataclasses import dataclass

from dbkit.errors import QueryError


@dataclass(eq=False)
class NoSchemaSearched(QueryError):
    """The search path names no schema that exists, so a query finds nothing of its own."""

    query: str
    database: str

    def __str__(self) -> str:
        return (
            f"the search path names no schema that exists in database {self.database!r}, so "
            f"{self.query} finds nothing there; create one of the schemas that `show search_path` "
            "lists, or set another search path"
        )
