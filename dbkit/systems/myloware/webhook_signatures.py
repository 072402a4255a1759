"""Say whether a webhook is signed by its provider: `valid`, `invalid` or `missing`."""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal, TypeAlias, cast

from dbkit.errors import DbkitError

SignatureStatus: TypeAlias = Literal["valid", "invalid", "missing"]
# "none": the provider sends the secret itself
Digest: TypeAlias = Literal["sha256", "sha384", "sha512", "sha1", "none"]
Encoding: TypeAlias = Literal["hex", "base64", "text"]

# they last until the year 2286; more could be too many for a number of seconds
_SECONDS_DIGITS = 10
_DECODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "hex": binascii.unhexlify,
    "base64": lambda text: base64.b64decode(text, validate=True),
    "text": bytes,
}
# a place in the text that is signed, as `Provider` describes them
_PART = re.compile(r"\{(?P<what>timestamp|body|header)(?::(?P<name>[^{}]+))?\}")
# what a standard secret begins with, before its base64
_SECRET_PREFIX = b"whsec_"


@dataclass(eq=False)
class NoSecret(DbkitError):
    """A provider has no secret, or an empty one, so anybody could sign for it."""

    provider: str

    def __str__(self) -> str:
        return f"provider {self.provider!r} has no secret, or an empty one; give it at least one"


@dataclass(eq=False)
class SecretNotBase64(DbkitError):
    """A provider's secret is not base64, as its scheme says it is."""

    provider: str

    def __str__(self) -> str:
        return f"a secret of provider {self.provider!r} is not base64"


@dataclass(frozen=True, slots=True)
class Provider:
    """How one provider signs its webhooks, and which header has the key of a webhook.

    While a secret is changed, give the new and the old one: what either has signed is valid. With
    a `timestamp_header`, the text that is signed is the timestamp, a point and the body, and a
    webhook of another time than now is invalid. Without one only the body is signed, so anybody
    who has seen a webhook can send it again under a new key; with `key_header=None` the key is
    the body's own digest, and a second sending is known.

    `signed` is the text that is signed, where it is another one: `{timestamp}`, `{body}`,
    `{header:NAME}` and `{body:data.task_id|taskId}`, a field of a JSON body or the next one, stand
    for what was sent. With a `separator` a header has several parts: signatures begin with
    `prefix`, and the time with `timestamp_prefix`. With `digest="none"` the provider sends the
    secret itself. A `token_parameter` of the URL has the signature where no header does.
    """

    name: str
    secrets: tuple[bytes, ...] = field(repr=False)
    signature_header: str = "X-Signature"
    key_header: str | None = "X-Request-Id"
    digest: Digest = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    timestamp_header: str | None = None
    tolerance: timedelta = timedelta(minutes=5)
    signed: str | None = None
    separator: str | None = None
    timestamp_prefix: str = ""
    token_parameter: str | None = None
    secrets_are_base64: bool = False

    def __post_init__(self) -> None:
        if not self.secrets or not all(self.secrets):
            raise NoSecret(self.name)
        if not all(self.keys):
            raise SecretNotBase64(self.name)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The secrets as the bytes that sign; one that is no base64 is empty."""
        if not self.secrets_are_base64:
            return self.secrets
        return tuple(
            _decode(secret.removeprefix(_SECRET_PREFIX), "base64") for secret in self.secrets
        )


def check_signature(
    provider: Provider,
    headers: Mapping[str, str],
    body: bytes,
    *,
    parameters: Mapping[str, str] = MappingProxyType({}),
    now: datetime | None = None,
) -> SignatureStatus:
    """Say whether the provider, or somebody who has a secret of it, has signed this body.

    `missing` is a webhook without the header of the signature or of the timestamp. Names of
    headers may be written in capitals or not; `parameters` are those of the URL. Each secret is
    compared in constant time, and all of them are, so that the time tells neither how much of a
    signature is right nor by which secret.
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    if provider.token_parameter is None:
        sent = given.get(provider.signature_header.lower())
    else:
        sent = parameters.get(provider.token_parameter)
    if not sent:
        return "missing"
    timestamp = ""
    if provider.timestamp_header is not None:
        parts = _parts(given.get(provider.timestamp_header.lower(), ""), provider)
        timestamp = next(iter(_beginning(parts, provider.timestamp_prefix)), "")
        if not timestamp:
            return "missing"
        if not _is_current(timestamp, now or datetime.now(UTC), provider.tolerance):
            return "invalid"
    signed = _signed(provider, given, timestamp, body)
    signatures = _beginning(_parts(sent, provider), provider.prefix)
    codes = [_decode(signature.encode(), provider.encoding) for signature in signatures]
    if signed is None or not codes:
        return "invalid"
    matches = [
        hmac.compare_digest(_code(provider, key, signed), code)
        for key in provider.keys
        for code in codes
    ]
    return "valid" if any(matches) else "invalid"


def _parts(text: str, provider: Provider) -> list[str]:
    parts = text.split(provider.separator) if provider.separator else [text]
    return [part.strip() for part in parts]


def _beginning(parts: list[str], prefix: str) -> list[str]:
    """Return what follows the prefix, of the parts that begin with it."""
    return [part.removeprefix(prefix) for part in parts if part.startswith(prefix)]


def _code(provider: Provider, key: bytes, signed: bytes) -> bytes:
    return key if provider.digest == "none" else hmac.digest(key, signed, provider.digest)


def _signed(
    provider: Provider, headers: Mapping[str, str], timestamp: str, body: bytes
) -> bytes | None:
    """Return the text that was signed, or None where the webhook lacks a part of it."""
    if provider.signed is None:
        return body if provider.timestamp_header is None else timestamp.encode() + b"." + body
    text = b""
    end = 0
    for part in _PART.finditer(provider.signed):
        value = _value(part, headers, timestamp, body)
        if not value:
            return None
        text += provider.signed[end : part.start()].encode() + value
        end = part.end()
    return text + provider.signed[end:].encode()


def _value(
    part: re.Match[str], headers: Mapping[str, str], timestamp: str, body: bytes
) -> bytes | None:
    match part["what"], part["name"]:
        case "timestamp", _:
            return timestamp.encode()
        case "header", str(name):
            return headers.get(name.lower(), "").encode()
        case "body", str(names):
            return _field(body, names.split("|"))
        case _:
            return body


def _field(body: bytes, names: list[str]) -> bytes | None:
    """Return the first of these fields that the body has, as JSON, with a text or a number."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for name in names:
        value: object = document
        for key in name.split("."):
            value = cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value).encode(errors="replace")
    return None


def _is_current(timestamp: str, now: datetime, tolerance: timedelta) -> bool:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _SECONDS_DIGITS):
        return False
    return abs(now.timestamp() - int(timestamp)) <= tolerance.total_seconds()


def _decode(text: bytes, encoding: str) -> bytes:
    """Return the bytes of a text, or nothing, which is no secret's code, where it has none."""
    try:
        return _DECODERS[encoding](text)
    except ValueError:
        return b""
