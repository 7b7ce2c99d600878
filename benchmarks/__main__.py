"""Run every benchmark: python -m benchmarks [name ...]."""

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
HELPERS = {"__main__", "make_big_db", "peers", "serving", "stub"}
LARGE = {"dashboard", "server_ingest", "server_pages"}
"""Only when named: they make a million messages first."""
NAMES = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in HELPERS | LARGE)

sys.path.insert(0, str(HERE))  # run_path adds only folders and archives
for name in sys.argv[1:] or NAMES:
    print(f"\n== {name}", flush=True)
    runpy.run_path(str(HERE / f"{name}.py"), run_name="__main__")
