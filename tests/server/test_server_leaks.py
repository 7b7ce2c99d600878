"""Keys and texts are in nothing that a process prints, with everything logged (S14)."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
KEY = "ags_" + "5e" * 16 + "_" + "c0ffee"
TEXT = "SentinelTextOfACustomer"
WORD = "SentinelPassword"


def test_nothing_is_printed_that_is_not_ours_to_print(tmp_path: Path) -> None:
    """A process that does everything, well and badly, prints no key, no text and no password."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "AGENTSIGHT_SPOOL_DIR": str(tmp_path / "spool"),
        "SENTINEL_KEY": KEY,
        "SENTINEL_TEXT": TEXT,
        "SENTINEL_WORD": WORD,
    }
    result = subprocess.run(
        [sys.executable, str(HERE / "leak_scenario.py")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert "the end was reached" in result.stdout, result.stderr[-3000:]
    printed = result.stdout + result.stderr
    assert "DEBUG" in printed
    assert "Traceback" in printed
    secrets = [TEXT, WORD, KEY, KEY[12:], base64.b64encode(TEXT.encode()).decode()[:-4]]
    lines = [line for line in printed.splitlines() if any(secret in line for secret in secrets)]
    assert [line[:300] for line in lines] == []
    assert TEXT in (tmp_path / "all.jsonl").read_text(encoding="utf-8")


def test_what_is_written_is_private(tmp_path: Path) -> None:
    """The journal's folders are for this user only."""
    environment = {**os.environ, "AGENTSIGHT_SPOOL_DIR": str(tmp_path / "spool"), "AGENTSIGHT_API_KEY": KEY}
    script = "from agentsight_otel import conversation_tracker as t; t.configure(conversation_id='c'); "
    script += f"t.track_human_message('{TEXT}')"
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, check=True, timeout=60)
    written = [path for path in (tmp_path / "spool").rglob("*") if path.is_file()]
    assert written
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert KEY.encode() not in b"".join(path.read_bytes() for path in written)
