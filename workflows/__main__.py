"""Run `skyscan` as `python -m workflows`, as DAGMan's scripts do from the scan's own code."""

import sys

from workflows.cli import main

sys.exit(main())
