"""Which release of a distribution is installed."""

from importlib.metadata import PackageNotFoundError, version


def release_of(distribution: str) -> str:
    """Return the version of a distribution, "" where it was not installed as one."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def with_release(program: str, distribution: str) -> str:
    """Name a program with its release, as in "shop 1.4.2"."""
    return f"{program} {release_of(distribution)}".rstrip()
