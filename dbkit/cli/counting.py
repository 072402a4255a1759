"""Say how many of a thing there are."""


def count_of(number: int, thing: str, things: str = "") -> str:
    """Return "1 row" or "2,000 rows"; `things` where an s does not make it many."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"
