"""Config: each setting declared once, resolved as argument > environment > default, frozen."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from agentsight_otel.enums import Durability, Propagation
from agentsight_otel.exceptions import ConfigurationException, InvalidApiKeyException, NoApiKeyException

DEFAULT_ENDPOINT = "https://api.agentsight.io"
API_KEY_PATTERN = re.compile(r"ags_[a-f0-9]{32}_[a-f0-9]{6}", re.IGNORECASE)
LEGACY_SETTINGS = frozenset({"log_level", "app_url", "token_handler"})
"""Settings of 0.0.44 that are accepted for code written for it, and have no effect."""
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def _bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError


def _setting(
    default: Any, env: str | None, parse: Callable[[str], Any], doc: str, *, secret: bool = False
) -> Any:
    """Declare one setting: its default, environment variable, parser and meaning."""
    return dataclasses.field(
        default=default, repr=not secret, metadata={"env": env, "parse": parse, "doc": doc}
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting of the package. Build one with `Config.resolve`, change one with `Config.replace`."""

    api_key: str | None = _setting(
        None,
        "AGENTSIGHT_API_KEY",
        str,
        "API key: `ags_` + 32 hex digits + `_` + 6 hex digits.",
        secret=True,
    )
    api_key_file: str | None = _setting(
        None,
        "AGENTSIGHT_API_KEY_FILE",
        str,
        "File that holds the API key where none is given; read again when the backend refuses it.",
    )
    endpoint: str = _setting(
        DEFAULT_ENDPOINT,
        "AGENTSIGHT_API_ENDPOINT",
        str,
        "Base URL of AgentSight or of a local server.",
    )
    allow_plain_http: bool = _setting(
        False,
        "AGENTSIGHT_ALLOW_PLAIN_HTTP",
        _bool,
        "Allow an endpoint with `http:` on another machine, to which the key travels unencrypted.",
    )
    environment: str | None = _setting(
        None,
        "AGENTSIGHT_ENVIRONMENT",
        str,
        "Environment slug; the backend's default is production.",
    )
    conversation_id: str | None = _setting(
        None, "AGENTSIGHT_CONVERSATION_ID", str, "The conversation that is active from the start."
    )
    spool_dir: str | None = _setting(
        None, "AGENTSIGHT_SPOOL_DIR", str, "Folder of the journal; default: the user's state folder."
    )
    durability: Durability = _setting(
        Durability.PROCESS,
        "AGENTSIGHT_DURABILITY",
        Durability,
        "What a record survives: `process` (a crash), `power` (a power cut), `memory` (nothing).",
    )
    spool_max_bytes: int = _setting(
        512 * 1024 * 1024,
        "AGENTSIGHT_SPOOL_MAX_BYTES",
        int,
        "Bytes the journal may hold; the oldest go first.",
    )
    spool_max_age: float = _setting(
        7 * 86400.0, "AGENTSIGHT_SPOOL_MAX_AGE", float, "Seconds a record may wait for delivery."
    )
    memory_max_bytes: int = _setting(
        64 * 1024 * 1024,
        "AGENTSIGHT_MEMORY_MAX_BYTES",
        int,
        "Bytes that may wait without a journal.",
    )
    timeout: float = _setting(10.0, "AGENTSIGHT_TIMEOUT", float, "Seconds one HTTP request may take.")
    send_timeout: float = _setting(
        10.0, "AGENTSIGHT_SEND_TIMEOUT", float, "Seconds `send_tracked_data()` waits, retries included."
    )
    shutdown_timeout: float = _setting(
        5.0,
        "AGENTSIGHT_SHUTDOWN_TIMEOUT",
        float,
        "Seconds a shutdown waits for deliveries.",
    )
    max_request_bytes: int = _setting(
        4 * 1024 * 1024,
        "AGENTSIGHT_MAX_REQUEST_BYTES",
        int,
        "Bytes of one request before compression.",
    )
    max_text_length: int | None = _setting(
        None, "AGENTSIGHT_MAX_TEXT_LENGTH", int, "Characters after which a text is cut; default: never."
    )
    export_all: bool = _setting(
        False, "AGENTSIGHT_EXPORT_ALL", _bool, "Also export spans that belong to no agent or conversation."
    )
    deliver: bool = _setting(
        True,
        "AGENTSIGHT_DELIVER",
        _bool,
        "Deliver from this process; off: only make spans, for a Collector to deliver.",
    )
    propagate: Propagation = _setting(
        Propagation.ALL,
        "AGENTSIGHT_PROPAGATE",
        Propagation,
        "What travels in W3C Baggage: `all` (ids, customer, metadata), `ids`, `none`.",
    )

    @classmethod
    def resolve(cls, environ: Mapping[str, str] | None = None, **arguments: Any) -> Self:
        """Build a Config; a given argument wins over the environment, which wins over the default.

        Args:
            environ: The environment to read; ``os.environ`` when None.
            **arguments: Settings by name.

        Raises:
            InvalidApiKeyException: The key is malformed; it is not shown.
            ConfigurationException: Another setting has a value it cannot have; names the field.
        """
        environ = os.environ if environ is None else environ
        known = {f.name: f for f in dataclasses.fields(cls)}
        for name in arguments:
            if name not in known:
                raise TypeError(f"unknown setting {name!r}")
        _check_key(arguments.get("api_key"))
        values: dict[str, Any] = {}
        for name, field in known.items():
            if arguments.get(name) is not None:
                values[name] = arguments[name]
            elif name == "api_key" and arguments.get("api_key_file") is not None:
                continue  # a file given in code wins over a key in the environment
            elif raw := environ.get(field.metadata["env"], ""):
                values[name] = _parse(field, raw)
        return cls(**_with_key(values))

    def __post_init__(self) -> None:
        """Normalise and check every value."""
        object.__setattr__(self, "api_key", (self.api_key or "").strip() or None)
        object.__setattr__(self, "endpoint", _checked_endpoint(self.endpoint, self.allow_plain_http))
        for name, kind in (("durability", Durability), ("propagate", Propagation)):
            object.__setattr__(self, name, _checked_member(name, kind, getattr(self, name)))
        for name, most in _MOST.items():
            _check_number(name, getattr(self, name), most)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with *changes*; a value of None changes nothing."""
        given = {name: value for name, value in changes.items() if value is not None}
        _check_key(given.get("api_key"))
        return dataclasses.replace(self, **_with_key(given)) if given else self

    def require_api_key(self) -> str:
        """Return the key.

        Raises:
            NoApiKeyException: There is none, or the file of the key cannot be read.
            InvalidApiKeyException: The one from the environment or the file is malformed; it is not shown.
        """
        if self.api_key is not None:
            _check_key(self.api_key)
            return self.api_key
        if self.api_key_file is None:
            raise NoApiKeyException(field="api_key")
        raise NoApiKeyException(
            "No AgentSight API key: the file that AGENTSIGHT_API_KEY_FILE or api_key_file= names "
            "cannot be read or is empty.",
            field="api_key_file",
        )

    @property
    def has_usable_key(self) -> bool:
        """Whether there is a key of the right form."""
        return self.api_key is not None and API_KEY_PATTERN.fullmatch(self.api_key) is not None


_LONGEST_WAIT = 366 * 86400.0
"""A year; an operating system refuses to wait for ever."""

_MOST = {
    "spool_max_bytes": math.inf,
    "spool_max_age": math.inf,
    "memory_max_bytes": math.inf,
    "timeout": _LONGEST_WAIT,
    "send_timeout": _LONGEST_WAIT,
    "shutdown_timeout": _LONGEST_WAIT,
    "max_request_bytes": math.inf,
    "max_text_length": math.inf,
}


_EXPECTED: dict[Callable[[str], Any], str] = {
    int: "a whole number",
    float: "a number",
    _bool: "1 or 0, true or false, yes or no, on or off",
}


def _parse(field: dataclasses.Field[Any], raw: str) -> Any:
    env, parse = field.metadata["env"], field.metadata["parse"]
    try:
        return parse(raw)
    except ValueError:
        limit = _EXPECTED.get(parse) or _choice(parse)
        raise ConfigurationException(f"{env} must be {limit}", field=field.name, limit=limit) from None


def read_key_file(name: str) -> str | None:
    """Return what the file *name* holds, without the space around it; None when that is nothing."""
    try:
        return Path(name).read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None


def _with_key(values: dict[str, Any]) -> dict[str, Any]:
    """Add the key from the file, if there is a file and no key."""
    if "api_key" in values or not values.get("api_key_file"):
        return values
    return {**values, "api_key": read_key_file(values["api_key_file"])}


def _checked_member(name: str, kind: type[StrEnum], value: Any) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        limit = _choice(kind)
        raise ConfigurationException(f"{name} must be {limit}", field=name, limit=limit) from None


def _choice(kind: type[StrEnum]) -> str:
    *others, last = kind
    return f"{', '.join(others)} or {last}"


def _check_number(name: str, value: object, most: float) -> None:
    if (name == "max_text_length" and value is None) or (name == "shutdown_timeout" and value == 0):
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        limit = "more than 0" + (f", at most {most:.0f}" if most < math.inf else "")
        raise ConfigurationException(f"{name} must be a number {limit}", field=name, limit=limit)


def _check_key(key: object) -> None:
    """Refuse a malformed key where somebody is there to hear it; one in the environment waits for its use."""
    if isinstance(key, str) and not key.strip():
        return
    if key is not None and not (isinstance(key, str) and API_KEY_PATTERN.fullmatch(key.strip())):
        raise InvalidApiKeyException(field="api_key")


def _checked_endpoint(endpoint: object, allow_plain_http: bool) -> str:
    if not isinstance(endpoint, str) or not _is_web_address(endpoint):
        raise ConfigurationException(
            "endpoint (AGENTSIGHT_API_ENDPOINT) must be an http or https URL, such as "
            f"{DEFAULT_ENDPOINT} or http://127.0.0.1:8000",
            field="endpoint",
            limit="http(s) URL",
        )
    parts = urlsplit(endpoint)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS and not allow_plain_http:
        raise ConfigurationException(
            "endpoint (AGENTSIGHT_API_ENDPOINT) must be https on another machine, for the key would travel "
            "unencrypted; allow_plain_http or AGENTSIGHT_ALLOW_PLAIN_HTTP=1 allows it",
            field="endpoint",
            limit="https on another machine",
        )
    return endpoint.rstrip("/")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        return False
