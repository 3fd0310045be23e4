"""Listeners for new trays and services."""

LISTENERS = []  # callables that get each tray and each service when it is made


def notify(thing):
    for listener in LISTENERS:
        listener(thing)
