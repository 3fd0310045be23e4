"""The commands of `skyscan`, one module each: `add_to(commands)` and what it runs."""
