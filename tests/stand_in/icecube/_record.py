"""Who wants to know what is made."""

LISTENERS = []  # callables, told of each tray and each service as it is made


def tell(thing):
    for listener in LISTENERS:
        listener(thing)
