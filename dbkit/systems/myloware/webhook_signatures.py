"""Say whether a webhook is signed by its provider: `valid`, `invalid` or `missing`."""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from dbkit.errors import DbkitError

SignatureStatus: TypeAlias = Literal["valid", "invalid", "missing"]
Digest: TypeAlias = Literal["sha256", "sha384", "sha512", "sha1"]
Encoding: TypeAlias = Literal["hex", "base64"]

# they last until the year 2286; more could be too many for a number of seconds
_SECONDS_DIGITS = 10
_DECODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "hex": binascii.unhexlify,
    "base64": lambda text: base64.b64decode(text, validate=True),
}


@dataclass(eq=False)
class NoSecret(DbkitError):
    """A provider has no secret, or an empty one, so anybody could sign for it."""

    provider: str

    def __str__(self) -> str:
        return f"provider {self.provider!r} has no secret, or an empty one; give it at least one"


@dataclass(frozen=True, slots=True)
class Provider:
    """How one provider signs its webhooks, and which header has the key of a webhook.

    While a secret is changed, give the new and the old one: what either has signed is valid. With
    a `timestamp_header`, the text that is signed is the timestamp, a point and the body, and a
    webhook of another time than now is invalid. Without one only the body is signed, so anybody
    who has seen a webhook can send it again under a new key; with `key_header=None` the key is
    the body's own digest, and a second sending is known.
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

    def __post_init__(self) -> None:
        if not self.secrets or not all(self.secrets):
            raise NoSecret(self.name)


def check_signature(
    provider: Provider, headers: Mapping[str, str], body: bytes, *, now: datetime | None = None
) -> SignatureStatus:
    """Say whether the provider, or somebody who has a secret of it, has signed this body.

    `missing` is a webhook without the header of the signature or of the timestamp. Names of
    headers may be written in capitals or not. Each secret is compared in constant time, and all
    of them are, so that the time tells neither how much of a signature is right nor by which
    secret.
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    signature = given.get(provider.signature_header.lower())
    if not signature:
        return "missing"
    signed = body
    if provider.timestamp_header is not None:
        timestamp = given.get(provider.timestamp_header.lower())
        if not timestamp:
            return "missing"
        if not _is_current(timestamp, now or datetime.now(UTC), provider.tolerance):
            return "invalid"
        signed = timestamp.encode() + b"." + body
    code = _decode(signature, provider)
    matches = [
        hmac.compare_digest(hmac.digest(secret, signed, provider.digest), code)
        for secret in provider.secrets
    ]
    return "valid" if any(matches) else "invalid"


def _is_current(timestamp: str, now: datetime, tolerance: timedelta) -> bool:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _SECONDS_DIGITS):
        return False
    return abs(now.timestamp() - int(timestamp)) <= tolerance.total_seconds()


def _decode(signature: str, provider: Provider) -> bytes:
    """Return the code in a signature, or nothing, which is no secret's code, where it has none."""
    if not signature.startswith(provider.prefix):
        return b""
    try:
        return _DECODERS[provider.encoding](signature.removeprefix(provider.prefix).encode())
    except ValueError:
        return b""
