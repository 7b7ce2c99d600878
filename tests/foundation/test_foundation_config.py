"""Settings: argument over environment over default, and never a key in sight."""

from __future__ import annotations

import pytest

from agentsight_otel.config import DEFAULT_ENDPOINT, Config
from agentsight_otel.enums import Durability
from agentsight_otel.exceptions import ConfigurationException, InvalidApiKeyException, NoApiKeyException

KEY = "ags_" + "0123456789abcdef" * 2 + "_abcdef"


def test_argument_wins_over_environment_over_default() -> None:
    """The order of precedence holds for each source."""
    environ = {"AGENTSIGHT_ENVIRONMENT": "development", "AGENTSIGHT_DURABILITY": "memory"}
    config = Config.resolve(environ, environment="production")
    assert config.environment == "production"
    assert config.durability is Durability.MEMORY
    assert config.endpoint == DEFAULT_ENDPOINT


def test_a_key_is_trimmed_and_case_does_not_matter() -> None:
    """A key pasted with spaces, or in capitals, is a key."""
    assert Config.resolve({"AGENTSIGHT_API_KEY": f" {KEY} "}).api_key == KEY
    assert Config.resolve({}, api_key=KEY.upper()).api_key == KEY.upper()


def test_the_key_is_in_no_repr() -> None:
    """Neither the repr nor an error shows a key, good or bad."""
    assert "abcdef" not in repr(Config.resolve({}, api_key=KEY))
    with pytest.raises(InvalidApiKeyException) as caught:
        Config.resolve({}, api_key="ags_secret_bad")
    assert "secret" not in str(caught.value)
    assert caught.value.field == "api_key"


def test_a_malformed_key_in_the_environment_waits_for_its_use() -> None:
    """Importing and tracking go on; what needs the key says that it is malformed."""
    config = Config.resolve({"AGENTSIGHT_API_KEY": "oops"})
    assert not config.has_usable_key
    with pytest.raises(InvalidApiKeyException):
        config.require_api_key()


def test_a_key_is_asked_for_only_where_it_is_needed() -> None:
    """A Config without a key is fine until a key is required."""
    config = Config.resolve({})
    with pytest.raises(NoApiKeyException):
        config.require_api_key()


@pytest.mark.parametrize(
    ("environ", "field"),
    [
        ({"AGENTSIGHT_DURABILITY": "forever"}, "durability"),
        ({"AGENTSIGHT_TIMEOUT": "soon"}, "timeout"),
        ({"AGENTSIGHT_TIMEOUT": "0"}, "timeout"),
        ({"AGENTSIGHT_MAX_REQUEST_BYTES": "-1"}, "max_request_bytes"),
        ({"AGENTSIGHT_API_ENDPOINT": "ftp://x"}, "endpoint"),
        ({"AGENTSIGHT_EXPORT_ALL": "maybe"}, "export_all"),
    ],
)
def test_a_bad_value_names_its_field(environ: dict[str, str], field: str) -> None:
    """A setting that cannot be read says which one it is."""
    with pytest.raises(ConfigurationException) as caught:
        Config.resolve(environ)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"AGENTSIGHT_TIMEOUT": "soon"}, "AGENTSIGHT_TIMEOUT must be a number"),
        ({"AGENTSIGHT_SPOOL_MAX_BYTES": "1 GB"}, "AGENTSIGHT_SPOOL_MAX_BYTES must be a whole number"),
        ({"AGENTSIGHT_DELIVER": "maybe"}, "AGENTSIGHT_DELIVER must be 1 or 0, true or false"),
        ({"AGENTSIGHT_DURABILITY": "x"}, "AGENTSIGHT_DURABILITY must be process, power or memory"),
        (
            {"AGENTSIGHT_API_ENDPOINT": "localhost:8000"},
            "AGENTSIGHT_API_ENDPOINT) must be an http or https URL",
        ),
    ],
    ids=["number", "whole", "switch", "choice", "endpoint"],
)
def test_a_bad_variable_says_what_it_may_be(environ: dict[str, str], expected: str) -> None:
    """The message names the variable and what it takes, so that nobody has to look it up."""
    with pytest.raises(ConfigurationException) as caught:
        Config.resolve(environ)
    assert expected in str(caught.value)
    assert caught.value.limit


def test_plain_http_to_another_machine_is_allowed_only_when_asked() -> None:
    """A key does not travel unencrypted unless somebody wants it."""
    elsewhere = {"AGENTSIGHT_API_ENDPOINT": "http://agentsight.example"}
    with pytest.raises(ConfigurationException, match="AGENTSIGHT_ALLOW_PLAIN_HTTP") as refused:
        Config.resolve(elsewhere)
    assert refused.value.field == "endpoint"
    allowed = Config.resolve({**elsewhere, "AGENTSIGHT_ALLOW_PLAIN_HTTP": "1"})
    assert allowed.endpoint == "http://agentsight.example"
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert Config.resolve({}, endpoint=f"http://{host}:8000").endpoint == f"http://{host}:8000"


def test_trailing_slashes_of_the_endpoint_go() -> None:
    """A trailing slash does not double in the paths."""
    assert Config.resolve({}, endpoint="http://localhost:1/").endpoint == "http://localhost:1"


def test_replace_keeps_what_is_none() -> None:
    """Replacing with None changes nothing; a bad key leaves the old Config as it was."""
    config = Config.resolve({}, api_key=KEY, environment="development")
    assert config.replace(environment=None) is config
    with pytest.raises(InvalidApiKeyException):
        config.replace(api_key="bad")
    assert config.api_key == KEY


def test_an_unknown_setting_is_a_type_error() -> None:
    """A misspelt setting is refused, as a misspelt keyword would be."""
    with pytest.raises(TypeError, match="endpont"):
        Config.resolve({}, endpont="http://localhost")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", "5"),
        ("timeout", float("inf")),
        ("send_timeout", float("nan")),
        ("shutdown_timeout", -1),
        ("max_text_length", 0),
        ("spool_max_bytes", True),
        ("endpoint", 8000),
        ("endpoint", "http://[::1"),
        ("endpoint", "http://agentsight.example"),
        ("endpoint", "http://localhost:port"),
    ],
)
def test_a_bad_argument_names_its_field(field: str, value: object) -> None:
    """An argument of the wrong type or range is refused with its name, however it would fail later."""
    with pytest.raises(ConfigurationException) as caught:
        Config.resolve({}, **{field: value})
    assert caught.value.field == field
    assert caught.value.limit


def test_a_shutdown_need_not_wait() -> None:
    """Zero is a timeout of a shutdown, and no limit on texts is one of their length."""
    assert Config.resolve({}, shutdown_timeout=0).shutdown_timeout == 0
    assert Config.resolve({}).max_text_length is None
