"""The two branches of docs/team.md meet as the page says."""

from tests.conftest import ROOT
from tests.test_readme import Reader, blocks, reader

__all__ = ["reader"]

_PAGE = (ROOT / "docs" / "team.md").read_text()
_WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "somebody"), ("EMAIL", "somebody@example.org"))
}


def test_the_two_branches_of_the_page_meet(reader: Reader) -> None:
    reader.environment |= _WHO

    for block in blocks(_PAGE):
        if block.language == "console":
            reader.follow(block)
        else:
            reader.write(block)
