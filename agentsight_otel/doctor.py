"""doctor: looks at the key, the backend, the journal and the OpenTelemetry set-up, and says what to do."""

from __future__ import annotations

import dataclasses
import difflib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import NamedTuple

from google.protobuf.internal import api_implementation
from opentelemetry import trace
from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.sdk.environment_variables import (
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT,
    OTEL_SDK_DISABLED,
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT,
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,
    OTEL_TRACES_SAMPLER,
)

from agentsight_otel._version import __version__
from agentsight_otel.clients import AgentSightAPI
from agentsight_otel.config import DEFAULT_ENDPOINT, Config
from agentsight_otel.enums import Durability
from agentsight_otel.exceptions import (
    AgentSightException,
    ConversationApiException,
    ConversationNetworkException,
    ForbiddenException,
    UnauthorizedException,
)
from agentsight_otel.exporters import spool
from agentsight_otel.journal.folder import ensure_private

DISTRIBUTIONS = (
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-proto",
    "protobuf",
    "requests",
    "msgspec",
)
OTHER_VARIABLES = frozenset(
    {
        "AGENTSIGHT_COLLECTOR_CACHE",
        "AGENTSIGHT_OTLP_ENDPOINT",
        "AGENTSIGHT_QUEUE_DIR",
        "AGENTSIGHT_REQUIRE_ALL",
        "AGENTSIGHT_SCREENSHOTS",
        "AGENTSIGHT_SOAK",
        "AGENTSIGHT_STRICT",
        "AGENTSIGHT_TIER2",
        "AGENTSIGHT_TIER2_PORT",
    }
)
"""Variables of ours that are no settings: of the tests and of `collector-config`."""
ATTRIBUTE_LIMIT_ADVICE = (
    "long histories lose attributes past 128 a span: set OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=4096 where "
    "instrumentations flatten messages (OpenInference, OpenLLMetry)"
)


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """One thing doctor saw.

    Attributes:
        level: How much it matters.
        subject: What it is about, in one word.
        text: What was seen.
        advice: What to do, or empty.
    """

    level: Level
    subject: str
    text: str
    advice: str = ""


def examine(environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Yield what doctor finds, the versions first and the backend last."""
    environ = os.environ if environ is None else environ
    yield from _versions()
    yield from _opentelemetry(environ)
    yield from _names(environ)
    try:
        config = Config.resolve(environ)
    except AgentSightException as error:
        subject = error.field or "settings"
        yield Finding(Level.PROBLEM, subject, str(error), _correction(subject))
        return
    yield from _key(config)
    if not config.deliver:
        text = "AGENTSIGHT_DELIVER is off: this process makes spans and delivers nothing"
        yield Finding(Level.NOTE, "delivery", text, "unset it, unless a Collector takes the spans")
    yield from _journal(config)
    if config.has_usable_key:
        yield from _backend(config)


def _versions() -> Iterator[Finding]:
    python = f"Python {platform.python_version()} on {sys.platform}"
    yield Finding(Level.OK, "version", f"agentsight-otel {__version__}, {python}")
    found = []
    for name in DISTRIBUTIONS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding(Level.PROBLEM, "version", f"{name} is not installed", f"pip install {name}")
    yield Finding(Level.OK, "version", ", ".join(found))
    if api_implementation.Type() != "upb":
        advice = "reinstall protobuf from a binary wheel; decoding is about 400 times slower without"
        yield Finding(Level.NOTE, "protobuf", f"runs its {api_implementation.Type()} implementation", advice)


def _opentelemetry(environ: Mapping[str, str]) -> Iterator[Finding]:
    if environ.get(OTEL_SDK_DISABLED, "").lower() == "true":
        text = "OTEL_SDK_DISABLED=true: no spans are made; tracked conversations are still delivered"
        yield Finding(Level.NOTE, "otel", text, "unset it to use the live API or instrumentations")
    provider = trace.get_tracer_provider()
    kind = f"{type(provider).__module__}.{type(provider).__qualname__}"
    if isinstance(provider, trace.ProxyTracerProvider):
        yield Finding(Level.OK, "otel", "no TracerProvider is set; one is made on first use and set globally")
    elif hasattr(provider, "add_span_processor"):
        yield Finding(Level.OK, "otel", f"the global {kind} is adopted")
    else:
        text = f"the global {kind} takes no span processors"
        advice = (
            "conversations use a provider of their own; pass tracer_provider= to configure() to choose one"
        )
        yield Finding(Level.NOTE, "otel", text, advice)
    if sampler := environ.get(OTEL_TRACES_SAMPLER):
        text = f"OTEL_TRACES_SAMPLER={sampler}: applies to other spans; conversations are always recorded"
        yield Finding(Level.OK, "otel", text)
    if "agentsight" in environ.get(OTEL_TRACES_EXPORTER, "").split(","):
        names = {point.name for point in entry_points(group="opentelemetry_traces_exporter")}
        level = Level.OK if "agentsight" in names else Level.PROBLEM
        yield Finding(
            level, "otel", "OTEL_TRACES_EXPORTER names agentsight", "" if level is Level.OK else "reinstall"
        )
    if OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT not in environ:
        yield Finding(Level.OK, "otel", ATTRIBUTE_LIMIT_ADVICE)
    for name in (OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT):
        if limit := environ.get(name):
            text = f"{name}={limit}: texts in spans are cut there, and histories in JSON become unreadable"
            yield Finding(Level.NOTE, "otel", text, f"unset {name} where conversations are recorded")


def _names(environ: Mapping[str, str]) -> Iterator[Finding]:
    known = {field.metadata["env"] for field in dataclasses.fields(Config)} | OTHER_VARIABLES
    for name in sorted(set(environ) - known):
        if name.startswith("AGENTSIGHT_") and environ[name]:
            meant = difflib.get_close_matches(name, known - OTHER_VARIABLES, n=1, cutoff=0.8)
            advice = f"did you mean {meant[0]}?" if meant else ""
            yield Finding(Level.NOTE, "settings", f"{name} is no setting of this package", advice)


def _correction(setting: str) -> str:
    field = Config.__dataclass_fields__.get(setting)
    return f"correct {field.metadata['env']}, or unset it: the default is {field.default}" if field else ""


def _key(config: Config) -> Iterator[Finding]:
    if config.api_key is None:
        advice = "set AGENTSIGHT_API_KEY; `agentsight-otel serve` prints one for a local server"
        text = (
            "the file of the API key cannot be read or is empty"
            if config.api_key_file
            else "no API key is set"
        )
        yield Finding(Level.PROBLEM, "key", text, advice)
    elif config.has_usable_key:
        yield Finding(Level.OK, "key", "the API key has the right form")
    else:
        advice = "expected `ags_`, 32 hexadecimal digits, `_` and 6 more; copy it again"
        yield Finding(Level.PROBLEM, "key", "the API key is malformed", advice)


def _journal(config: Config) -> Iterator[Finding]:
    if config.durability is Durability.MEMORY:
        yield Finding(Level.NOTE, "journal", "durability=memory: what is not delivered dies with the process")
        return
    if not config.has_usable_key:
        return
    found = spool.status(config)
    if found.folder is None:
        advice = "set AGENTSIGHT_SPOOL_DIR to a folder that can be written"
        yield Finding(Level.PROBLEM, "journal", "there is nowhere to keep records on disk", advice)
        return
    if reason := _unwritable(found.folder):
        text = f"{found.folder} cannot be written ({reason}): records wait in memory and die with the process"
        advice = "set AGENTSIGHT_SPOOL_DIR to a folder of your own that can be written"
        yield Finding(Level.PROBLEM, "journal", text, advice)
        return
    waiting = sum(found.waiting.values())
    text = f"durability={config.durability}, {waiting:,} records wait in {found.folder}"
    yield Finding(Level.OK, "journal", text, "`agentsight-otel spool drain` delivers them" if waiting else "")
    if found.dead:
        advice = "`agentsight-otel spool dead` says why, `spool requeue` tries them again"
        yield Finding(Level.NOTE, "journal", f"{found.dead:,} dead letters: the backend refused them", advice)


def _unwritable(folder: Path) -> str | None:
    try:
        ensure_private(folder)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _backend(config: Config) -> Iterator[Finding]:
    where = "the hosted service" if config.endpoint == DEFAULT_ENDPOINT else config.endpoint
    try:
        me = AgentSightAPI(config=config).fetch_identity()
    except UnauthorizedException:
        advice = "copy the key again, or make a new one; it may have been revoked"
        yield Finding(Level.PROBLEM, "backend", f"{where} refuses the key", advice)
        return
    except ForbiddenException:
        yield Finding(Level.PROBLEM, "backend", f"{where} does not let this key in", "use an agent's API key")
        return
    except ConversationNetworkException as error:
        advice = "check AGENTSIGHT_API_ENDPOINT, the network and any proxy; nothing tracked is lost meanwhile"
        if "tls error" in str(error):
            advice = "check the certificate, or SSL_CERT_FILE; `agentsight-otel serve` itself speaks http:"
        yield Finding(Level.PROBLEM, "backend", str(error), advice)
        return
    except ConversationApiException as error:
        text = f"{where} answers /api/me/ with status {error.status_code}"
        if error.status_code == HTTPStatus.NOT_FOUND:
            advice = "AGENTSIGHT_API_ENDPOINT is the base URL alone, without /api or a page behind it"
            yield Finding(Level.PROBLEM, "backend", text, advice)
        else:
            yield Finding(Level.NOTE, "backend", text)
        return
    yield Finding(Level.OK, "backend", f"{where} knows the key: agent {me.get('agent_name')!r}")
    if me.get("role") != "write":
        yield Finding(
            Level.PROBLEM, "role", "the key may only read", "use a key with the role `write` to record"
        )
    slugs = {entry.get("slug") for entry in me.get("environments", []) if isinstance(entry, dict)}
    if config.environment and slugs and config.environment not in slugs:
        advice = f"use one of: {', '.join(sorted(str(slug) for slug in slugs))}"
        yield Finding(Level.PROBLEM, "environment", f"unknown environment {config.environment!r}", advice)
