"""The command line of the package."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from agentsight_otel import commands as more
from agentsight_otel import doctor
from agentsight_otel._version import __version__
from agentsight_otel.commands.extras import optional
from agentsight_otel.commands.output import printable, say
from agentsight_otel.exceptions import AgentSightException

SERVER_PORT = 8000
GATEWAY_PORT = 4319
LAST_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 for success, 1 for a problem found, 2 for a command that could not run.

    130 after Ctrl+C and 141 when nobody reads on, as after `| head`, are what a shell would report.
    """
    parsed = parser().parse_args(arguments)
    if sys.stdout is None:
        return _fail("standard output is closed")
    try:
        result = int(parsed.run(parsed) or 0)
        sys.stdout.flush()
        return result
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered goes nowhere
        return 141
    except AgentSightException as error:
        return _fail(str(error))
    except OSError as error:
        name = f" {error.filename}" if isinstance(error.filename, str) else ""
        return _fail((error.strerror or type(error).__name__) + name)
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    top = argparse.ArgumentParser(prog="agentsight-otel", description=__doc__)
    top.add_argument("--version", action="version", version=f"agentsight-otel {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run a local AgentSight with its dashboard")
    serve.set_defaults(run=_serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=_port, default=SERVER_PORT, help="0 for any (default: %(default)s)")
    serve.add_argument("--db", default="agentsight.db", help="SQLite file, :memory: or postgresql:// URL")
    serve.add_argument("--api-key", help="key to accept (default: made up when the database has none)")
    serve.add_argument("--allow-remote", action="store_true", help="listen where other machines reach it")
    serve.add_argument(
        "--rate-limit",
        type=_count,
        metavar="N",
        help="requests a key may send in a minute (default: any number)",
    )
    serve.add_argument(
        "--attachment-quota",
        type=_count,
        metavar="MB",
        help="how much the attachments of an agent may be in all (default: any amount)",
    )
    serve.add_argument(
        "--embed-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a site that may show the dashboard in a frame, such as https://app.example.com (default: none)",
    )

    gateway = commands.add_parser("gateway", help="take OTLP from a Collector and deliver it to AgentSight")
    gateway.set_defaults(run=_gateway)
    gateway.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    gateway.add_argument("--port", type=_port, default=GATEWAY_PORT, help="0 for any (default: %(default)s)")
    gateway.add_argument("--endpoint", help="base URL of AgentSight (default: AGENTSIGHT_API_ENDPOINT)")
    gateway.add_argument("--api-key", help="the only key to serve (default: AGENTSIGHT_API_KEY, else any)")
    gateway.add_argument(
        "--api-keys-file", metavar="FILE", help="serve the keys in this file, one a line, and no others"
    )

    demo = commands.add_parser("demo", help="run a small agent and show what it recorded")
    demo.set_defaults(run=_demo)
    demo.add_argument("--port", type=_port, default=0, help="port of the dashboard (default: any)")
    demo.add_argument("--db", default=":memory:", help="where to keep it (default: %(default)s)")
    demo.add_argument("--seed", type=int, default=7, help="of the made-up month (default: %(default)s)")
    demo.add_argument(
        "--conversations", type=_count, default=900, help="how many of them (default: %(default)s)"
    )
    demo.add_argument("--exit", action="store_true", help="stop after the transcript")

    commands.add_parser("doctor", help="look at key, backend, journal and OpenTelemetry").set_defaults(
        run=_doctor
    )
    more.add_to(commands)
    return top


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to {LAST_PORT}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("expected a number from 1")
    return int(text)


def _serve(given: argparse.Namespace) -> None:
    service = optional("agentsight_otel.server.run", "server").serve(
        given.host,
        given.port,
        given.db,
        given.api_key,
        allow_remote=given.allow_remote,
        rate_limit=given.rate_limit,
        attachment_quota=given.attachment_quota and given.attachment_quota << 20,
        embed_origins=given.embed_origin,
    )
    print(*service.lines(), sep="\n", flush=True)
    service.run()


def _gateway(given: argparse.Namespace) -> None:
    optional("agentsight_otel.gateway.run", "gateway").serve(
        given.host, given.port, given.endpoint, given.api_key, given.api_keys_file
    )


def _demo(given: argparse.Namespace) -> None:
    optional("agentsight_otel.demo.run", "server").demo(
        port=given.port,
        db=given.db,
        seed=given.seed,
        conversations=given.conversations,
        stay=not given.exit,
    )


def _doctor(given: argparse.Namespace) -> int:
    del given
    worst = 0
    for finding in doctor.examine():
        say(f"{finding.level:8}{finding.subject:17}{finding.text}")
        if finding.advice:
            say(f"{'':25}→ {finding.advice}")
        worst = max(worst, int(finding.level is doctor.Level.PROBLEM))
    return worst


def _fail(text: str) -> int:
    print(f"agentsight-otel: {printable(text)}", file=sys.stderr)
    return 2
