"""Run `skyscan` as `python -m workflows`, as DAGMan's scripts do from the scan's own code."""

import sys

from skyscan.program import main

sys.exit(main())
