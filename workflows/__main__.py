"""`python -m workflows` is `skyscan`; DAGMan's scripts call it so, from the scan's own code."""

import sys

from skyscan.plotting import import_healpy_alone

import_healpy_alone()

from workflows.cli import main  # noqa: E402

sys.exit(main())
