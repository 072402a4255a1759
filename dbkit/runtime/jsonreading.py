"""Read json by orjson where it is installed, and give exactly the values that json gives."""

import json
from collections.abc import Callable
from typing import Any

try:
    import orjson
except ImportError:
    _parse: Callable[[bytes], Any] | None = None
else:
    _parse = orjson.loads

_DIGITS = bytes(0x30 if chr(code).isdigit() else 0x20 for code in range(128)) + b" " * 128
# an integer with fewer digits fits into 64 bits
_LONG = b"0" * 19


def make_json_reader(*, version: bool) -> Callable[[bytes], Any] | None:
    """Give what reads json in UTF-8, None if orjson is not there.

    `version` is for the binary form of jsonb, which begins with a version number.
    """
    parse = _parse
    if parse is None:
        return None
    start = 1 if version else 0

    def read(data: bytes) -> Any:  # noqa: ANN401 - json is anything
        data = data[start:]
        # orjson makes a float of an integer that does not fit into 64 bits
        if len(data) < len(_LONG) or _LONG not in data.translate(_DIGITS):
            try:
                return parse(data)
            except ValueError:
                # 1e400, half of a surrogate pair, a deep list: json has a value, or its own error
                pass
        return json.loads(data)

    return read
