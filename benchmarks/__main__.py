"""Run every benchmark: python -m benchmarks [name ...]."""

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in {"__main__", "peers", "stub"})

for name in sys.argv[1:] or NAMES:
    print(f"\n== {name}", flush=True)
    runpy.run_path(str(HERE / f"{name}.py"), run_name="__main__")
