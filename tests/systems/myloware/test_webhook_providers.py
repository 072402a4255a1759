"""The file that says which providers send webhooks, and what is wrong with it."""

import hmac
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dbkit.systems.myloware.webhook_providers import FaultyProviders, read_providers
from dbkit.systems.myloware.webhook_signatures import Provider, check_signature


def test_a_provider_is_read_with_the_secrets_of_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "providers.toml"
    file.write_text(
        """
        [kieai]
        secrets-env = ["NEW", "OLD", "OLDER"]

        [shotstack]
        secrets-env = ["THEIRS"]
        signature-header = "Signature"
        key-header = ""
        digest = "sha512"
        encoding = "base64"
        prefix = "v1,"
        timestamp-header = "Time"
        tolerance-seconds = 60
        """
    )

    providers = read_providers(file, {"NEW": "1", "OLD": "2", "THEIRS": "3"})

    assert providers == {
        "kieai": Provider("kieai", (b"1", b"2")),
        "shotstack": Provider(
            "shotstack",
            (b"3",),
            "Signature",
            None,
            "sha512",
            "base64",
            "v1,",
            "Time",
            timedelta(minutes=1),
        ),
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "names no provider; give each a table, such as [kieai]"),
        ("kieai", "is no TOML: "),
        ("kieai = 1", "'kieai' is no table; write [kieai]"),
        ("[kieai]", "[kieai] has no secret; set secrets-env in the environment"),
        ('[kieai]\nsecrets-env = ["A", "B"]', "[kieai] has no secret; set A, B in the environment"),
        ('[kieai]\nsecret = "1"', "[kieai] has an unknown key 'secret'; known are: secrets-env, "),
        ('[kieai]\nsecrets-env = "A"', "[kieai] secrets-env is no list"),
        ("[kieai]\ntolerance-seconds = true", "[kieai] tolerance-seconds is no int"),
        ('[kieai]\ndigest = "md5"', "[kieai] digest is 'md5'; it may be one of: sha256, "),
    ],
)
def test_a_faulty_file_is_refused_in_a_sentence(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "providers.toml"
    file.write_text(text)

    with pytest.raises(FaultyProviders) as refusal:
        read_providers(file, {"A": ""})

    assert str(refusal.value).startswith(f"{file}: {fault}")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FaultyProviders, match="cannot be read"):
        read_providers(tmp_path / "nothing.toml", {})


TIME = datetime(2023, 1, 19, 0, 13, 51, tzinfo=UTC)
SECONDS = str(int(TIME.timestamp()))


def read(tmp_path: Path, text: str, secret: str) -> Provider:
    file = tmp_path / "providers.toml"
    file.write_text(f"[one]\nsecrets-env = ['SECRET']\n{text}")
    return read_providers(file, {"SECRET": secret})["one"]


def signature(secret: bytes, signed: str) -> bytes:
    return hmac.digest(secret, signed.encode(), "sha256")


@pytest.mark.parametrize(
    "body", ['{"data": {"task_id": "t1"}}', '{"data": {"taskId": "t1"}}', '{"taskId": "t1"}']
)
def test_a_webhook_of_kie_ai_is_valid_by_its_task_and_its_time(tmp_path: Path, body: str) -> None:
    provider = read(tmp_path, "scheme = 'kieai'", "s")
    headers = {
        "X-Webhook-Timestamp": SECONDS,
        "X-Webhook-Signature": b64encode(signature(b"s", f"t1.{SECONDS}")).decode(),
    }

    def check(content: str, later: timedelta = timedelta(0)) -> str:
        return check_signature(provider, headers, content.encode(), now=TIME + later)

    assert check(body) == "valid"
    assert check(body.replace("t1", "t2")) == "invalid"
    assert check(body, timedelta(minutes=6)) == "invalid"
    assert [check(other) for other in ("{}", "[]", "no JSON", '{"taskId": null}')] == [
        "invalid"
    ] * 4


def test_a_provider_that_signs_nothing_has_a_secret_in_its_url(tmp_path: Path) -> None:
    provider = read(tmp_path, "scheme = 'token'", "a secret")

    statuses = [
        check_signature(provider, {}, b"any", parameters=parameters)
        for parameters in ({"token": "a secret"}, {"token": "another"}, {"token": ""}, {})
    ]

    assert statuses == ["valid", "invalid", "missing", "missing"]
    assert provider.key_header is None


def test_a_standard_webhook_is_valid_by_one_of_its_signatures(tmp_path: Path) -> None:
    provider = read(tmp_path, "scheme = 'standard-webhooks'", f"whsec_{b64encode(b's').decode()}")
    right = b64encode(signature(b"s", f"msg_1.{SECONDS}.body")).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": SECONDS}

    statuses = [
        check_signature(provider, {**headers, "webhook-signature": sent}, b"body", now=TIME)
        for sent in (f"v1,{right}", f"v1a,x v1,AAAA v1,{right}", f"v2,{right}", "v1,AAAA")
    ]

    assert statuses == ["valid", "valid", "invalid", "invalid"]


def test_time_and_signatures_may_share_a_header(tmp_path: Path) -> None:
    provider = read(tmp_path, "scheme = 'stripe'", "s")
    right = signature(b"s", f"{SECONDS}.body").hex()

    statuses = [
        check_signature(provider, {"Stripe-Signature": sent}, b"body", now=TIME)
        for sent in (
            f"t={SECONDS},v1={right},v0=old",
            f"t={SECONDS},v1=00,v1={right}",
            f"t={int(SECONDS) + 1},v1={right}",
            f"v1={right}",
        )
    ]

    assert statuses == ["valid", "valid", "invalid", "missing"]


def test_a_key_of_its_own_goes_before_that_of_a_scheme(tmp_path: Path) -> None:
    provider = read(
        tmp_path,
        "scheme = 'github'\nsignature-header = 'X-Own'\nsigned = 'v0:{header:X-Id}:{body}'",
        "s",
    )
    headers = {"X-Own": f"sha256={signature(b's', 'v0:1:body').hex()}", "X-Id": "1"}

    assert check_signature(provider, headers, b"body") == "valid"
    assert provider.key_header == "X-GitHub-Delivery"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("scheme = 'unknown'", "scheme is 'unknown'; it may be one of: kieai, token, github, "),
        ("signed = 'timestamp.body'", "signed is 'timestamp.body'; write the parts that are "),
        ("signed = '{time}.{body}'", "signed is '{time}.{body}'; write the parts that are signed"),
        ("secrets-are-base64 = true", "a secret in SECRET is not base64"),
    ],
)
def test_a_scheme_that_would_prove_nothing_is_refused(
    tmp_path: Path, text: str, fault: str
) -> None:
    with pytest.raises(FaultyProviders, match=re.escape(f"[one] {fault}")):
        read(tmp_path, text, "é")
