"""`python -m workflows` is `skyscan`; DAGMan's scripts call it so, from the scan's own code."""

import sys

from workflows.cli import main

sys.exit(main())
