"""The two aliases that generated code has for JSON of unknown form."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    # what a column returns
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
    # what a parameter takes: covariant, so that a `dict[str, int]` fits
    JsonLike: TypeAlias = (
        "bool | int | float | str | Sequence[JsonLike] | Mapping[str, JsonLike] | None"
    )
else:
    # an alias that names itself cannot be followed at run time, where all of JSON is allowed
    Json: TypeAlias = Any
    JsonLike: TypeAlias = Any
