"""The file that says which providers send webhooks, and what is wrong with it."""

from datetime import timedelta
from pathlib import Path

import pytest

from dbkit.systems.myloware.webhook_providers import FaultyProviders, read_providers
from dbkit.systems.myloware.webhook_signatures import Provider


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
