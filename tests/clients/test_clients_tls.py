"""Certificates and proxies: who is trusted, and that nothing is lost where nobody is (S16)."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from scripted_server import KEY, Script, answering

from agentsight_otel import ConversationTracker
from agentsight_otel.clients import AgentSightAPI
from agentsight_otel.exceptions import ConversationNetworkException

HERE = "IP:127.0.0.1"
CERTIFICATES = {
    "good": ("authority", HERE, 2),
    "expired": ("authority", HERE, -1),
    "elsewhere": ("authority", "DNS:other.example", 2),
    "unknown": ("stranger", HERE, 2),
}
"""Who signed it, whose it is, and how many days it lasts."""
NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two authorities and the certificates they signed."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl program is not installed (Debian: apt-get install openssl)")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=60)

    # Python 3.13 asks an authority what its key is for, and a certificate which key signed it.
    signs = "-addext keyUsage=critical,keyCertSign,cRLSign"
    for name in ("authority", "stranger"):
        openssl(f"req -x509 {NEW_KEY} {signs} -subj /CN={name} -keyout {name}.key -out {name}.pem -days 2")
    for name, (signer, host, days) in CERTIFICATES.items():
        (folder / f"{name}.ext").write_text(f"subjectAltName={host}\nauthorityKeyIdentifier=keyid\n", "utf-8")
        openssl(f"req {NEW_KEY} -subj /CN={name} -keyout {name}.key -out {name}.csr")
        signed = f"-CA {signer}.pem -CAkey {signer}.key -CAcreateserial -extfile {name}.ext -days {days}"
        openssl(f"x509 -req -in {name}.csr {signed} -out {name}.pem")
    return folder


@pytest.fixture(autouse=True)
def no_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name no authority in the environment unless a test does."""
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)


def over_tls(folder: Path, name: str) -> AbstractContextManager[Script]:
    """Answer over TLS with one of the certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return answering(context)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_an_authority_is_named_in_the_environment(
    certificates: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A company's own authority is trusted where either variable names it, for writing and for reading."""
    monkeypatch.setenv(variable, str(certificates / "authority.pem"))
    with over_tls(certificates, "good") as script:
        script.reply = lambda _: (201, {"accepted": 1, "duplicate": 0})
        tracker = ConversationTracker(api_key=KEY, endpoint=script.url, conversation_id="private")
        tracker.track_human_message("Hello")
        assert tracker.send_tracked_data()["delivered"]
        assert AgentSightAPI(KEY, script.url).fetch_identity()["accepted"] == 1
    assert script.lines == ["POST /api/ingest/", "GET /api/me/"]


@pytest.mark.parametrize(
    ("name", "trusted"),
    [("good", None), *((name, "authority") for name in CERTIFICATES if name != "good")],
)
def test_who_cannot_be_trusted_gets_nothing(
    certificates: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: str | None
) -> None:
    """A certificate that is not right is an error for a reader; what was to be written goes on waiting."""
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / f"{trusted}.pem"))
    with over_tls(certificates, name) as script:
        with pytest.raises(ConversationNetworkException, match="tls error"):
            AgentSightAPI(KEY, script.url).fetch_identity()
        tracker = ConversationTracker(api_key=KEY, endpoint=script.url, conversation_id="private")
        tracker.track_human_message("Hello")
        report = tracker.send_tracked_data()
    assert (report["delivered"], report["queued"]) == (False, 1)
    assert script.asked == []


def test_a_proxy_is_named_in_the_environment(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go through the proxy that a variable names, but not to the hosts that are left out."""
    monkeypatch.setenv("http_proxy", script.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    reader = AgentSightAPI(KEY, "http://agentsight.invalid", allow_plain_http=True)
    assert reader.fetch_identity() == {"id": 7}
    assert script.asked[0].headers["Host"] == "agentsight.invalid"
    monkeypatch.setenv("no_proxy", "agentsight.invalid")
    with pytest.raises(ConversationNetworkException):
        AgentSightAPI(KEY, "http://agentsight.invalid", allow_plain_http=True).fetch_identity()
    assert len(script.asked) == 1
