"""The two aliases generated code uses for JSON that nothing more is known of."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    # what comes out
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
    # what may go in: covariant, so that a `dict[str, int]` fits
    JsonLike: TypeAlias = (
        "bool | int | float | str | Sequence[JsonLike] | Mapping[str, JsonLike] | None"
    )
else:
    # an alias that names itself cannot be followed at run time, where all of JSON is allowed
    Json: TypeAlias = Any
    JsonLike: TypeAlias = Any
