"""``python -m agentsight_otel`` is the command line."""

import sys

from agentsight_otel.cli import main

sys.exit(main())
