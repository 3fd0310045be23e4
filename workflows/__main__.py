"""`python -m workflows` is `skyscan`; DAGMan's scripts call it so, from the scan's own code."""

import sys

# healpy brings its plotting along where matplotlib is: 0.7 s of every script, and none plots.
sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]

from workflows.cli import main  # noqa: E402

sys.exit(main())
