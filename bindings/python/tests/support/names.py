"""Names of the cases of a table."""


def shown(value):
    try:
        return ascii(value)[:40]
    except Exception:
        return type(value).__name__
