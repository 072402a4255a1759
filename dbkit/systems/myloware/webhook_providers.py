"""Read which providers send webhooks, and how each signs them, from a TOML file."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from dbkit.errors import ConfigurationError
from dbkit.systems.myloware.webhook_signatures import NoSecret, Provider, SecretNotBase64

# the keys of a provider's table, with the type of each
_KEYS: Mapping[str, type] = {
    "secrets-env": list,
    "scheme": str,
    "signature-header": str,
    "key-header": str,
    "digest": str,
    "encoding": str,
    "prefix": str,
    "timestamp-header": str,
    "tolerance-seconds": int,
    "signed": str,
    "separator": str,
    "timestamp-prefix": str,
    "token-parameter": str,
    "secrets-are-base64": bool,
}
# what several providers have in common, and what those that the documents name send, by their
# documentation; a key of the provider's own table goes before
_SCHEMES: Mapping[str, Mapping[str, Any]] = {
    # docs.kie.ai, Webhook Security Verification: the id of the task and the time are signed, not
    # the body. Where its pages disagree about the field, each of them is looked for
    "kieai": {
        "signature-header": "X-Webhook-Signature",
        "timestamp-header": "X-Webhook-Timestamp",
        "encoding": "base64",
        "signed": "{body:data.task_id|data.taskId|task_id|taskId}.{timestamp}",
        "key-header": "",
    },
    # Shotstack and Upload-Post sign nothing: the URL that they are given has a secret
    "token": {
        "token-parameter": "token",
        "digest": "none",
        "encoding": "text",
        "key-header": "",
    },
    "github": {
        "signature-header": "X-Hub-Signature-256",
        "prefix": "sha256=",
        "key-header": "X-GitHub-Delivery",
    },
    "standard-webhooks": {
        "signature-header": "webhook-signature",
        "separator": " ",
        "prefix": "v1,",
        "encoding": "base64",
        "timestamp-header": "webhook-timestamp",
        "signed": "{header:webhook-id}.{timestamp}.{body}",
        "key-header": "webhook-id",
        "secrets-are-base64": True,
    },
    "stripe": {
        "signature-header": "Stripe-Signature",
        "separator": ",",
        "prefix": "v1=",
        "timestamp-header": "Stripe-Signature",
        "timestamp-prefix": "t=",
        "key-header": "",
    },
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "scheme": tuple(_SCHEMES),
    "digest": ("sha256", "sha384", "sha512", "sha1", "none"),
    "encoding": ("hex", "base64", "text"),
}
_PLACE = re.compile(r"\{(?:timestamp|body|(?:header|body):[^{}]+)\}")


@dataclass(eq=False)
class FaultyProviders(ConfigurationError):
    """The file of the providers cannot be used as it is."""

    path: Path
    fault: str

    def __str__(self) -> str:
        return f"{self.path}: {self.fault}"


def read_providers(path: Path, environment: Mapping[str, str] = os.environ) -> dict[str, Provider]:
    """Return the providers of a file by their names.

    Each has a table of its own. Secrets are never in the file: `secrets-env` names the variables
    of the environment that have them, the new one and the old one while a secret is changed. A
    variable that is not set is passed over, if another one is. `key-header = ""` makes the digest
    of a webhook's body its key.

        [kieai]
        scheme = "kieai"
        secrets-env = ["KIEAI_SECRET", "KIEAI_OLD_SECRET"]

        [other]
        secrets-env = ["OTHER_SECRET"]
        signature-header = "X-Signature"
        timestamp-header = "X-Timestamp"
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FaultyProviders(path, f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise FaultyProviders(path, f"is no TOML: {error}") from error
    if not tables:
        raise FaultyProviders(path, "names no provider; give each a table, such as [kieai]")
    return {name: _read(path, name, table, environment) for name, table in tables.items()}


def _read(path: Path, name: str, table: object, environment: Mapping[str, str]) -> Provider:
    if not isinstance(table, dict):
        raise FaultyProviders(path, f"{name!r} is no table; write [{name}]")
    given = cast("dict[str, Any]", table)
    for key, value in given.items():
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            raise FaultyProviders(path, f"[{name}] has an unknown key {key!r}; known are: {known}")
        if type(value) is not _KEYS[key]:
            raise FaultyProviders(path, f"[{name}] {key} is no {_KEYS[key].__name__}")
        if key in _CHOICES and value not in _CHOICES[key]:
            allowed = ", ".join(_CHOICES[key])
            raise FaultyProviders(path, f"[{name}] {key} is {value!r}; it may be one of: {allowed}")
    _refuse_signed(path, name, given)
    given = {**_SCHEMES.get(given.get("scheme", ""), {}), **given}
    variables = [str(variable) for variable in given.get("secrets-env", [])]
    secrets = tuple(environment[key].encode() for key in variables if environment.get(key))
    options = {
        key.replace("-", "_"): value
        for key, value in given.items()
        if key not in {"scheme", "secrets-env", "tolerance-seconds"}
    }
    if "tolerance-seconds" in given:
        options["tolerance"] = timedelta(seconds=given["tolerance-seconds"])
    if options.get("key_header") == "":
        options["key_header"] = None
    try:
        return Provider(name, secrets, **options)
    except NoSecret as error:
        named = ", ".join(variables) or "secrets-env"
        raise FaultyProviders(
            path, f"[{name}] has no secret; set {named} in the environment"
        ) from error
    except SecretNotBase64 as error:
        fault = f"[{name}] a secret in {', '.join(variables)} is not base64"
        raise FaultyProviders(path, fault) from error


def _refuse_signed(path: Path, name: str, given: Mapping[str, Any]) -> None:
    """Refuse a signed text that is equal for all webhooks, or has a place that is none."""
    signed = given.get("signed")
    if signed is None:
        return
    rest, places = _PLACE.subn("", signed)
    if not places or "{" in rest or "}" in rest:
        raise FaultyProviders(
            path,
            f"[{name}] signed is {signed!r}; write the parts that are signed as {{timestamp}}, "
            "{body}, {header:NAME} or {body:FIELD}",
        )
