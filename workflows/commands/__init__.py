"""The commands of `skyscan`, one module each: `add_to(commands)` and the functions it runs."""
