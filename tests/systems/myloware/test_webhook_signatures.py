"""A webhook's signature is valid, invalid or missing, and the time taken tells nothing more."""

import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from dbkit.systems.myloware.webhook_signatures import NoSecret, Provider, check_signature

BODY = b"Hello, World!"
# from the page of another company about the signatures of its webhooks, so not our own reckoning
SECRET = b"It's a Secret to Everybody"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PUBLISHED = Provider("kieai", (SECRET,), prefix="sha256=")


def sign(secret: bytes, body: bytes, digest: str = "sha256") -> bytes:
    return hmac.digest(secret, body, digest)


def test_a_published_example_is_valid() -> None:
    assert check_signature(PUBLISHED, {"X-Signature": SIGNATURE}, BODY) == "valid"


@pytest.mark.parametrize("name", ["x-signature", "X-SIGNATURE"])
def test_the_name_of_a_header_may_be_written_in_capitals(name: str) -> None:
    assert check_signature(PUBLISHED, {name: SIGNATURE}, BODY) == "valid"


@pytest.mark.parametrize(
    "signature",
    [
        SIGNATURE[:-1],
        SIGNATURE[:-1] + "8",
        SIGNATURE + "00",
        SIGNATURE.removeprefix("sha256="),
        "sha256=",
        "sha256=kein Hex",
        "sha256=é",
        f"{SIGNATURE}, {SIGNATURE}",
    ],
)
def test_another_signature_is_invalid(signature: str) -> None:
    assert check_signature(PUBLISHED, {"X-Signature": signature}, BODY) == "invalid"


def test_a_body_that_was_changed_is_invalid() -> None:
    assert check_signature(PUBLISHED, {"X-Signature": SIGNATURE}, BODY + b" ") == "invalid"


@pytest.mark.parametrize(
    "headers", [{}, {"X-Signature": ""}, {"X-Signature": "  "}, {"Other": "1"}]
)
def test_a_webhook_without_a_signature_misses_it(headers: dict[str, str]) -> None:
    assert check_signature(PUBLISHED, headers, BODY) == "missing"


def test_while_a_secret_is_changed_the_new_and_the_old_one_are_valid() -> None:
    provider = Provider("kieai", (b"new", b"old"))

    statuses = [
        check_signature(provider, {"X-Signature": sign(secret, BODY).hex()}, BODY)
        for secret in (b"new", b"old", b"older")
    ]

    assert statuses == ["valid", "valid", "invalid"]


def test_every_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider("kieai", (b"new", b"old", b"older"))
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def watch(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watch)
    status = check_signature(provider, {"X-Signature": sign(b"new", BODY).hex()}, BODY)

    assert status == "valid"
    assert compared == [sign(secret, BODY) for secret in provider.secrets]


def test_a_provider_may_write_base64_of_another_digest() -> None:
    provider = Provider("shotstack", (b"1",), digest="sha512", encoding="base64")
    right = b64encode(sign(b"1", BODY, "sha512")).decode()

    assert check_signature(provider, {"X-Signature": right}, BODY) == "valid"
    assert check_signature(provider, {"X-Signature": right + "!"}, BODY) == "invalid"
    assert check_signature(provider, {"X-Signature": sign(b"1", BODY).hex()}, BODY) == "invalid"


@pytest.mark.parametrize(
    ("timestamp", "status"),
    [
        (NOW, "valid"),
        (NOW - timedelta(minutes=5), "valid"),
        (NOW - timedelta(minutes=5, seconds=1), "invalid"),
        (NOW + timedelta(minutes=5, seconds=1), "invalid"),
    ],
)
def test_a_signed_time_has_to_be_about_now(timestamp: datetime, status: str) -> None:
    provider = Provider("kieai", (b"1",), timestamp_header="X-Timestamp")
    text = str(int(timestamp.timestamp()))
    signature = sign(b"1", text.encode() + b"." + BODY).hex()

    headers = {"X-Signature": signature, "X-Timestamp": text}

    assert check_signature(provider, headers, BODY, now=NOW) == status


@pytest.mark.parametrize(
    ("timestamp", "status"),
    [
        ("", "missing"),
        ("soon", "invalid"),
        ("-1", "invalid"),
        ("²", "invalid"),
        ("1" * 5000, "invalid"),
    ],
)
def test_a_time_that_is_none_is_not_valid(timestamp: str, status: str) -> None:
    provider = Provider("kieai", (b"1",), timestamp_header="X-Timestamp")
    signature = sign(b"1", timestamp.encode() + b"." + BODY).hex()

    headers = {"X-Signature": signature, "X-Timestamp": timestamp}

    assert check_signature(provider, headers, BODY, now=NOW) == status


def test_a_time_that_was_not_signed_is_invalid() -> None:
    provider = Provider("kieai", (b"1",), timestamp_header="X-Timestamp")
    text = str(int(NOW.timestamp()))

    headers = {"X-Signature": sign(b"1", BODY).hex(), "X-Timestamp": text}

    assert check_signature(provider, headers, BODY, now=NOW) == "invalid"


@pytest.mark.parametrize("secrets", [(), (b"",), (b"new", b"")])
def test_a_provider_without_a_secret_is_refused(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(NoSecret, match="provider 'kieai' has no secret, or an empty one; "):
        Provider("kieai", secrets)


def test_secrets_are_not_printed() -> None:
    assert "Everybody" not in repr(PUBLISHED)
