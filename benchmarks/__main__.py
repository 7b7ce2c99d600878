"""Run one benchmark or all: python -m benchmarks [NAME [OPTION ...]]."""

import runpy
import sys
from pathlib import Path

HELPERS = {"__main__", "make_big_db", "peers", "serving", "stub"}
LARGE = {"dashboard", "server_ingest", "server_pages"}
"""Run only when named: they make a million messages first."""
NAMES = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - HELPERS)

wanted, options = sys.argv[1:2], sys.argv[2:]
if not set(wanted) <= set(NAMES):
    raise SystemExit(f"no benchmark of that name; there are {', '.join(NAMES)}")
for name in wanted or [each for each in NAMES if each not in LARGE]:
    print(f"\n== {name}", flush=True)
    sys.argv = [name, *options]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__")
