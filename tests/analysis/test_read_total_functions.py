"""A function of PostgreSQL is listed only if its source cannot return NULL."""

import subprocess
import sys
from pathlib import Path

import pytest

from dbkit.analysis import total_functions
from dbkit.analysis.total_functions import TOTAL_FUNCTIONS
from tests.analysis.read_total_functions import READ_BY_HAND, read, read_source, write_block
from tests.conftest import ROOT

SCRIPT = ROOT / "tests/analysis/read_total_functions.py"
ENTRY = "{ oid => '7', proname => 'probe', proargtypes => 'int4', prosrc => 'probe' },\n"
DEFAULTS = """
    Oid  prolang BKI_DEFAULT(internal) BKI_LOOKUP(pg_language);
    char prokind BKI_DEFAULT(f);
    bool proisstrict BKI_DEFAULT(t);
    bool proretset BKI_DEFAULT(f);
"""
FMGR = r"""
typedef struct FunctionCallInfoBaseData *FunctionCallInfo;
#define PG_FUNCTION_ARGS	FunctionCallInfo fcinfo
#define PG_NARGS() (fcinfo->nargs)
#define PG_GETARG_DATUM(n)	 (fcinfo->args[n].value)
#define PG_GETARG_INT32(n)	 DatumGetInt32(PG_GETARG_DATUM(n))
#define PG_RETURN_NULL()  \
	do { fcinfo->isnull = true; return (Datum) 0; } while (0)
#define PG_RETURN_INT32(x)	 return Int32GetDatum(x)
#define LOCAL_FCINFO(name, nargs) \
	union { FunctionCallInfoBaseData fcinfo; char data[9]; } name##data; \
	FunctionCallInfo name = &name##data.fcinfo
#define FunctionCallInvoke(fcinfo)	((* (fcinfo)->flinfo->fn_addr) (fcinfo))
#define CppConcat(x, y)			x##y
"""
TOTAL = {
    "it returns a value": "{ PG_RETURN_INT32(PG_GETARG_INT32(0) + PG_NARGS()); }",
    "null is in a comment and a string": """{
        /* PG_RETURN_NULL(); */
        return text("PG_RETURN_NULL(); /* \\"}"); // PG_RETURN_NULL();
    }""",
    "an error is raised before null": """{
        if (PG_GETARG_INT32(0) == 0)
        {
            ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO), errmsg("no")));
            PG_RETURN_NULL();
        }
        PG_RETURN_INT32(1);
    }""",
    "an error is raised at a label": """{
        if (PG_GETARG_INT32(0) == 0) goto failed;
        PG_RETURN_INT32(1);
    failed:
        elog(ERROR, "no");
        PG_RETURN_NULL();
    }""",
    "another call is null": """{
        LOCAL_FCINFO(other, 1);
        other->isnull = false;
        if (FunctionCallInvoke(other) == 0 || other->isnull) PG_RETURN_INT32(0);
        PG_RETURN_INT32(1);
    }""",
    "it calls a function that returns a value": """{ return (Datum) helper(fcinfo, 1); }
    static Datum helper(FunctionCallInfo call, int x) { return call->args[x].value; }""",
    "it calls itself": "{ return probe(fcinfo); }",
    "its branches have the same braces": """{
    #ifdef ONE
        if (1) {
    #else
        if (2) {
    #endif
        }
        PG_RETURN_INT32(1);
    }""",
}
PARTIAL = {
    "it returns null": "{ PG_RETURN_NULL(); }",
    "it sets isnull": "{ fcinfo->isnull = true; return 0; }",
    "it sets isnull in parentheses": "{ (fcinfo)->isnull = true; return 0; }",
    "it sets isnull of a star": "{ (*fcinfo).isnull = true; return 0; }",
    "it gives isnull away": "{ return next(&fcinfo->isnull); }",
    "one branch returns null": """{
    #ifdef ONE
        PG_RETURN_INT32(1);
    #else
        PG_RETURN_NULL();
    #endif
    }""",
    "an error is raised on a condition": """{
        if (PG_GETARG_INT32(0) == 0)
            ereport(ERROR, errmsg("no"));
        PG_RETURN_NULL();
    }""",
    "an error is raised in else": """{
        if (PG_GETARG_INT32(0) == 0) PG_RETURN_INT32(1); else ereport(ERROR, errmsg("no"));
        PG_RETURN_NULL();
    }""",
    "an error is raised in one branch": """{
    #ifdef ONE
        ereport(ERROR, errmsg("no"));
    #endif
        PG_RETURN_NULL();
    }""",
    "only a warning is raised": '{ ereport(WARNING, errmsg("no")); PG_RETURN_NULL(); }',
    "a helper returns null": """{ return helper(fcinfo); }
    static Datum helper(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }""",
    "a helper's helper returns null": """{ return helper(1, fcinfo); }
    static Datum helper(int x, FunctionCallInfo call) { return deeper(call); }
    static Datum deeper(FunctionCallInfo inner) { inner->isnull = true; return 0; }""",
    "helpers that call each other return null": """{ return first(fcinfo); }
    static Datum first(PG_FUNCTION_ARGS) { return second(fcinfo); }
    static Datum second(PG_FUNCTION_ARGS) { if (x) PG_RETURN_NULL(); return first(fcinfo); }""",
    "one of two helpers returns null": """{ return helper(fcinfo); }
    static Datum helper(PG_FUNCTION_ARGS) { PG_RETURN_INT32(1); }
    #ifdef ONE
    static Datum helper(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }
    #endif""",
    "a macro returns null": """{ LEAVE; }
    #define LEAVE LEAVE_NOW()
    #define LEAVE_NOW() PG_RETURN_NULL()""",
    "one of two macros returns null": """{ LEAVE; }
    #ifdef ONE
    #define LEAVE return 1
    #else
    #define LEAVE PG_RETURN_NULL()
    #endif""",
    "a macro sets isnull": """{ LEAVE(1, fcinfo); }
    #define LEAVE(x, call) do { (call)->isnull = true; return x; } while (0)""",
    "a macro gets the name isnull": """{ LEAVE(fcinfo, isnull); }
    #define LEAVE(call, member) do { (call)->member = true; return 0; } while (0)""",
    "a macro builds a name": """{ LEAVE(NULL); }
    #define LEAVE(what) PG_RETURN_##what()""",
    "a macro builds any name": """{ LEAVE(PG_RETURN_, NULL); }
    #define LEAVE(x, y) CppConcat(x, y)()""",
    "a helper is not in the source": "{ return elsewhere(fcinfo); }",
    "a helper is a member": """{ return state->helper(fcinfo); }
    static Datum helper(PG_FUNCTION_ARGS) { PG_RETURN_INT32(1); }""",
    "one branch has another argument": """{
        return helper(
    #ifdef ONE
            1,
    #endif
            2, fcinfo);
    }
    static Datum helper(int x, int y, FunctionCallInfo call) { return 1; }""",
    "a helper is a variable": """{ Function helper = state->helper; return helper(fcinfo); }
    static Datum helper(PG_FUNCTION_ARGS) { PG_RETURN_INT32(1); }""",
    "a helper is behind a pointer": "{ return FunctionCallInvoke(fcinfo); }",
    "fcinfo is kept": "{ state->call = fcinfo; return helper(state); }",
    "fcinfo is cast": """{ return helper((void *) fcinfo); }
    static Datum helper(FunctionCallInfo call) { PG_RETURN_INT32(1); }""",
}


def make_source(
    folder: Path, code: str, entries: str = ENTRY, defaults: str = DEFAULTS, sql: str = ""
) -> Path:
    """Write what the script needs of PostgreSQL's source."""
    files = {
        "src/include/catalog/pg_proc.dat": f"# built-in functions\n[\n{entries}]\n",
        "src/include/catalog/pg_proc.h": defaults,
        "src/include/fmgr.h": FMGR,
        "src/backend/catalog/system_functions.sql": sql,
        "src/backend/utils/adt/probe.c": code,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def numbers_of(*sources: Path) -> set[int]:
    return read([read_source(source) for source in sources])[0]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", TOTAL.values(), ids=TOTAL)
def test_a_function_that_cannot_return_null_is_listed(tmp_path: Path, code: str) -> None:
    source = make_source(tmp_path, f"Datum\nprobe(PG_FUNCTION_ARGS)\n{code}\n")

    assert numbers_of(source) == {7}


@pytest.mark.parametrize("code", PARTIAL.values(), ids=PARTIAL)
def test_a_function_that_may_return_null_is_left_out(tmp_path: Path, code: str) -> None:
    source = make_source(tmp_path, f"Datum\nprobe(PG_FUNCTION_ARGS)\n{code}\n")

    assert numbers_of(source) == set()


@pytest.mark.parametrize(
    ("ending", "listed"), [("PG_RETURN_INT32(1)", {7}), ("PG_RETURN_NULL()", set[int]())]
)
def test_a_function_may_be_defined_by_a_macro(
    tmp_path: Path, ending: str, listed: set[int]
) -> None:
    macro = f"""
        #define PROBE(end) Datum CppConcat(pro, end)(PG_FUNCTION_ARGS) {{ {ending}; }} \\
            extern int nothing
        #define PROBES(end) PROBE(end)
        PROBES(be);
    """

    assert numbers_of(make_source(tmp_path, macro)) == listed


@pytest.mark.parametrize(
    "code",
    [
        "Datum other(PG_FUNCTION_ARGS) { PG_RETURN_INT32(1); }",
        "#define probe other\nDatum probe(PG_FUNCTION_ARGS) { PG_RETURN_INT32(1); }",
        "Datum\n#ifdef ONE\nprobe(PG_FUNCTION_ARGS)\n#else\nother(int x)\n#endif\n{ return 1; }",
    ],
)
def test_a_function_whose_code_is_not_certain_is_left_out(tmp_path: Path, code: str) -> None:
    assert numbers_of(make_source(tmp_path, code)) == set()


@pytest.mark.parametrize(
    "change",
    [
        "proisstrict => 'f'",
        "proretset => 't'",
        "prokind => 'a'",
        "prokind => 'w'",
        "prolang => 'c'",
        "prolang => 'sql'",
    ],
)
def test_only_plain_strict_functions_in_c_are_listed(tmp_path: Path, change: str) -> None:
    code = "Datum probe(PG_FUNCTION_ARGS) { PG_RETURN_INT32(1); }"

    source = make_source(tmp_path, code, ENTRY.replace(" }", f", {change} }}"))

    assert numbers_of(source) == set()


def test_what_an_entry_leaves_out_is_read_from_the_header(tmp_path: Path) -> None:
    code = "Datum probe(PG_FUNCTION_ARGS) { PG_RETURN_INT32(1); }"
    defaults = DEFAULTS.replace("proisstrict BKI_DEFAULT(t)", "proisstrict BKI_DEFAULT(f)")

    assert numbers_of(make_source(tmp_path, code, defaults=defaults)) == set()


@pytest.mark.parametrize(
    ("sql", "listed"),
    [
        ("LANGUAGE internal STRICT AS 'probe'", {7}),
        ("LANGUAGE internal AS 'probe'", set[int]()),
        ("LANGUAGE internal STRICT AS 'other'", set[int]()),
        ("LANGUAGE sql STRICT RETURN null::integer", set[int]()),
    ],
)
def test_what_initdb_defines_anew_counts(tmp_path: Path, sql: str, listed: set[int]) -> None:
    code = "Datum probe(PG_FUNCTION_ARGS) { PG_RETURN_INT32(1); }"
    statement = f"CREATE OR REPLACE FUNCTION probe(x integer DEFAULT 1)\n RETURNS integer {sql};\n"

    assert numbers_of(make_source(tmp_path, code, sql=statement)) == listed


@pytest.mark.parametrize(("body", "listed"), [("round($1, 0)", {1708}), ("null", set[int]())])
def test_a_function_in_sql_is_listed_with_the_body_that_was_read(
    tmp_path: Path, body: str, listed: set[int]
) -> None:
    entry = (
        "{ oid => '1708', proname => 'round', prolang => 'sql', proargtypes => 'numeric',\n"
        "  prosrc => 'see system_functions.sql' },\n"
    )
    statement = (
        "CREATE OR REPLACE FUNCTION round(numeric)\n RETURNS numeric\n LANGUAGE sql\n STRICT\n"
        f"RETURN\n  {body};\n"
    )

    assert numbers_of(make_source(tmp_path, "", entry, sql=statement)) == listed


@pytest.mark.parametrize(
    "later",
    [
        ("Datum probe(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }", ENTRY),
        (
            "Datum probe(PG_FUNCTION_ARGS) { return 1; }",
            ENTRY.replace(" }", ", proretset => 't' }"),
        ),
    ],
)
def test_what_one_version_cannot_prove_is_left_out(tmp_path: Path, later: tuple[str, str]) -> None:
    earlier = make_source(tmp_path / "18", "Datum probe(PG_FUNCTION_ARGS) { return 1; }")

    assert numbers_of(earlier, make_source(tmp_path / "19", *later)) == set()


def test_what_only_one_version_has_is_listed(tmp_path: Path) -> None:
    earlier = make_source(tmp_path / "18", "", entries="")
    later = make_source(tmp_path / "19", "Datum probe(PG_FUNCTION_ARGS) { return 1; }")

    assert numbers_of(earlier, later) == {7}


def test_the_block_is_printed_as_it_stands_in_the_module() -> None:
    module = Path(total_functions.__file__).read_text()

    assert write_block(TOTAL_FUNCTIONS) in module
    assert READ_BY_HAND.keys() <= TOTAL_FUNCTIONS


def test_the_script_prints_the_block(tmp_path: Path) -> None:
    source = make_source(tmp_path, "Datum probe(PG_FUNCTION_ARGS) { return 1; }")

    done = run(source)

    assert (done.returncode, done.stdout) == (0, '_NUMBERS = """\n    7\n"""\n')


def test_the_script_says_why_a_function_is_left_out(tmp_path: Path) -> None:
    code = """
        Datum probe(PG_FUNCTION_ARGS) { return helper(fcinfo); }
        static Datum helper(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }
    """

    done = run(make_source(tmp_path, code), "--left-out")

    doubt = "7 probe: probe > helper > PG_RETURN_NULL: it uses isnull of fcinfo\n"
    assert (done.returncode, done.stdout) == (0, doubt)


def test_the_script_says_where_the_list_differs(tmp_path: Path) -> None:
    entries = ENTRY.replace("'7'", "'31'") + ENTRY.replace("'7'", "'2'").replace(
        "prosrc => 'probe'", "prosrc => 'total'"
    )
    code = """
        Datum probe(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }
        Datum total(PG_FUNCTION_ARGS) { return 1; }
    """

    done = run(make_source(tmp_path, code, entries), "--check")

    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert "31 is listed, but probe: probe > PG_RETURN_NULL: it uses isnull of fcinfo" in lines
    assert "33 is listed, but no source has it" in lines
    assert "2 is not listed" in lines


def test_a_folder_that_is_no_source_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert done.returncode == 2
    assert done.stderr == (
        f"{tmp_path}: no src/include/catalog/pg_proc.dat is there; "
        "give the folder of an unpacked PostgreSQL source\n"
    )


@pytest.mark.parametrize(
    ("code", "entries", "fault"),
    [
        ("", "{ oid => 7 },\n", "line 3: expected key => 'value'"),
        ("Datum probe(PG_FUNCTION_ARGS) {", ENTRY, "the braces do not match after: Datum probe"),
        (
            "Datum probe(PG_FUNCTION_ARGS) {\n#if 1\n{\n#else\n#endif\n}}",
            ENTRY,
            "the braces do not match after: Datum probe",
        ),
        ("#define PG_FUNCTION_ARGS Call call", ENTRY, "PG_FUNCTION_ARGS must be defined, and only"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(
    tmp_path: Path, code: str, entries: str, fault: str
) -> None:
    done = run(make_source(tmp_path, code, entries))

    assert done.returncode == 2
    assert fault in done.stderr
