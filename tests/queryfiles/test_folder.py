"""Which files of a system are queries, and what they are called."""

import re
from pathlib import Path

import pytest

from dbkit.errors import QueryError
from dbkit.queryfiles import examine_folder, find_queries, row_class_name

ONE = "-- :one\nselect 1;\n"
NAMED = "-- name: {} :one\nselect 1;\n"


def write(root: Path, files: dict[str, str]) -> Path:
    folder = root / "sql/shop"
    folder.mkdir(parents=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    return folder


def test_the_path_of_a_file_is_the_name_of_its_query(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "runs/list_recent.sql": ONE,
            "runs/find.sql": ONE,
            "artifacts/find.sql": ONE,
            "runs/notes.txt": "no query",
            "_objects/view.sql": "create view v as select 1;",
            "_objects/deeper/view.sql": "create view v as select 1;",
            "runs/.find.sql.swp": "",
            "runs/.hidden.sql": "",
        },
    )

    queries = find_queries(folder, tmp_path)

    assert [(query.subject, query.name, query.path) for query in queries] == [
        ("artifacts", "find", "sql/shop/artifacts/find.sql"),
        ("runs", "find", "sql/shop/runs/find.sql"),
        ("runs", "list_recent", "sql/shop/runs/list_recent.sql"),
    ]


def test_a_file_of_several_queries_lies_in_its_subject_or_is_called_like_it(
    tmp_path: Path,
) -> None:
    folder = write(
        tmp_path,
        {
            "runs/one.sql": ONE,
            "runs/2024-others.sql": NAMED.format("two") + NAMED.format("three"),
            "users.sql": NAMED.format("two") + NAMED.format("one"),
        },
    )

    queries = find_queries(folder, tmp_path)

    assert [f"{query.subject}.{query.name}" for query in queries] == [
        "runs.one",
        "runs.three",
        "runs.two",
        "users.one",
        "users.two",
    ]


def test_a_system_without_queries_has_none(tmp_path: Path) -> None:
    assert find_queries(tmp_path / "sql/shop", tmp_path) == ()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"runs/find.sql": ONE, "runs/others.sql": NAMED.format("find")},
            (
                "sql/shop/runs/others.sql:2: the query runs.find is already in "
                "sql/shop/runs/find.sql:2; rename one of them"
            ),
        ),
        (
            {"runs.sql": NAMED.format("find"), "runs/find.sql": ONE},
            (
                "sql/shop/runs.sql:2: the query runs.find is already in "
                "sql/shop/runs/find.sql:2; rename one of them"
            ),
        ),
        (
            {"runs/list_recent.sql": ONE, "runs/others.sql": NAMED.format("listRecent")},
            (
                "sql/shop/runs/others.sql:2: the rows of runs.listRecent would have the class "
                "ListRecentRow, as those of runs.list_recent in sql/shop/runs/list_recent.sql:2 "
                "have; rename one of them"
            ),
        ),
        (
            {"runs/list_recent.sql": ONE, "users/list.sql": f"-- row: ListRecentRow\n{ONE}"},
            (
                "sql/shop/users/list.sql:3: `-- row: ListRecentRow` is the class that "
                "runs.list_recent in sql/shop/runs/list_recent.sql:2 has for its own rows; "
                "name another one"
            ),
        ),
        (
            {"find.sql": ONE},
            (
                "sql/shop/find.sql: a file of one query lies in the folder of its subject; "
                "move it there, or put a line `-- name: x :kind` above each query"
            ),
        ),
        (
            {"runs/old/find.sql": ONE},
            (
                "sql/shop/runs/old/find.sql: lies too deep; a query lies in the folder of its "
                "subject, and that in the system's"
            ),
        ),
        (
            {"my-runs/find.sql": ONE},
            (
                "sql/shop/my-runs/find.sql: the subject 'my-runs' is no name in Python; "
                "call it 'my_runs'"
            ),
        ),
        (
            {"__init__.sql": NAMED.format("find")},
            (
                "sql/shop/__init__.sql: the subject '__init__' begins with two underscores, "
                "which Python keeps for itself; call it 'init'"
            ),
        ),
        (
            {"class/find.sql": ONE},
            (
                "sql/shop/class/find.sql: the subject 'class' is named like a keyword of Python's; "
                "call it 'class_'"
            ),
        ),
    ],
)
def test_a_file_that_is_no_query_of_a_subject_is_refused(
    tmp_path: Path, files: dict[str, str], told: str
) -> None:
    folder = write(tmp_path, files)

    with pytest.raises(QueryError) as raised:
        find_queries(folder, tmp_path)

    assert str(raised.value) == told


def test_queries_of_two_subjects_may_have_one_name_and_share_a_row_class(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "runs/find.sql": f"-- row: Run\n{ONE}",
            "steps/find.sql": f"-- row: Run\n{ONE}",
            "steps/list.sql": f"-- row: ListRow\n{ONE}",
        },
    )

    assert [query.row_class for query in find_queries(folder, tmp_path)] == [
        "Run",
        "Run",
        "ListRow",
    ]


@pytest.mark.parametrize(
    ("query", "row_class"),
    [
        ("find", "FindRow"),
        ("list_recent", "ListRecentRow"),
        ("list__recent", "ListRecentRow"),
        ("listRecent", "ListRecentRow"),
        ("_2024", "_2024Row"),
        ("été", "ÉtéRow"),
        ("__", "Row"),
    ],
)
def test_a_row_class_is_named_for_its_query(query: str, row_class: str) -> None:
    assert row_class_name(query) == row_class


def test_every_fault_of_every_file_is_told(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "class/find.sql": "select :'import';",
            "class/sound.sql": ONE,
            "deep/er/find.sql": "-- :mny\nselect 1;",
            "find.sql": "select 1;",
            "runs/sound.sql": ONE,
            "runs/lost.sql": "-- :one\nselect 'open;",
            "runs/several.sql": NAMED.format("first") + NAMED.format("2nd") + "select 2;",
        },
    )

    read = examine_folder(folder, tmp_path)

    assert [query.name for query in read.queries] == ["first", "sound"]
    places = [re.match(r"sql/shop/([\w/.]+(?::\d+)?)", str(fault)) for fault in read.faults]
    assert [place and place[1] for place in places] == [
        "class/find.sql",
        "class/find.sql:1",
        "class/find.sql:1",
        "class/sound.sql",
        "deep/er/find.sql",
        "deep/er/find.sql:1",
        "find.sql",
        "find.sql:1",
        "runs/lost.sql:2",
        "runs/several.sql:3",
        "runs/several.sql:5",
    ]
