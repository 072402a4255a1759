"""Read json by orjson where it is installed, and give exactly the values that json gives."""

import json
from collections.abc import Callable, Sequence
from typing import Any

try:
    import orjson
except ImportError:
    parse: Callable[[bytes], Any] | None = None
else:
    # as json.loads, but for what `JsonReader` leaves to that
    parse = orjson.loads

# every digit becomes 0, and all but a point a space
DIGITS = (
    bytes(
        0x30 if chr(code).isdigit() else code if chr(code) == "." else 0x20 for code in range(128)
    )
    + b" " * 128
)
# an integer with fewer digits fits into 64 bits; after a point there may be as many as there are
LONG = b" " + b"0" * 19
# more than this is looked at a value at a time
_MOST_BYTES = 1 << 20


class JsonReader:
    """Reads json in UTF-8, which begins at a place in the bytes that are given."""

    __slots__ = ("_parse", "at")

    def __init__(self, quick: Callable[[bytes], Any], at: int) -> None:
        self._parse = quick
        self.at = at

    def __call__(self, data: bytes) -> Any:  # noqa: ANN401 - json is anything
        """Give the value, as json.loads gives it."""
        data = data[self.at :]
        # orjson makes a float of an integer that does not fit into 64 bits
        if LONG not in (b" " + data).translate(DIGITS):
            try:
                return self._parse(data)
            except ValueError:
                # 1e400, half of a surrogate pair, a deep list: json has a value, or its own error
                pass
        return json.loads(data)


def make_json_reader(*, version: bool) -> JsonReader | None:
    """Give what reads json by orjson, None if that is not there.

    `version` is for the binary form of jsonb, which begins with a version number.
    """
    return None if parse is None else JsonReader(parse, 1 if version else 0)


def has_no_long_number(rows: Sequence[Sequence[Any]], columns: Sequence[int]) -> bool:
    """Whether all integers in these columns of json fit into 64 bits; not sure where it is long."""
    values = [data for row in rows for column in columns if (data := row[column])]
    if sum(map(len, values)) > _MOST_BYTES:
        return False
    return LONG not in b" ".join([b"", *values]).translate(DIGITS)
