"""Scripts made of pieces that open, close and swallow one another."""

from hypothesis import strategies as st

# each of these is something that a simpler reader gets wrong; put side by side in any order,
# they open, close and swallow one another
PIECES = [
    *("select 1", ";", ";;", "(", ")", "()", "[1:2]", ",", "end;", "begin", "end", "case", "x"),
    *("'a'", "'", "''", "'it''s'", "'a;b'", "'\\'", "E'\\''", "e'\\\\'", "E'a''\\';'", "N'\\'"),
    *("U&'\\0041'", "u&'a;'", "U&", "b'01'", "X'1f'", "b'0''1'", "E'a'\n'b\\''", "E'a'\r'b\\';'"),
    *("'a' -- c\r 'b;'", 'U&"a;"', '"', '"a"', '"a""b;"', '"\\"', "é", "1é$$", "\u00a0"),
    *("$$", "$a$", "$a", "$1", "$1a$$", "a$$", "$$;$$", "$a$;$b$;$a$", "$é$;$é$", "$_1$ $$ $_1$"),
    *("--", "-- c", "-- c;\r", "--'\n", "/*", "*/", "/* ; */", "/* /* ; */ */", "/**/", "/*/ */"),
    *("+--", "<=-1", "@-", "-/* ; */", "*/*", "||", "=>", ":=", "::", "::text", ":::number"),
    *(":number", ":'word'", ':"word"', ":{?word}", ":{?none}", ":none", ":'none'", ":2", ":é"),
    *(":'a b'", ":begin", ":e'", ":{", "1.5e--", "1e+", "1..2", ".5e-", "0x1Fe-", "1_000", "1$$"),
    *("create function f() returns int begin atomic select 1;", "create or replace procedure p()"),
    *("create", "or replace", "function", "procedure", "CREATE", "Function", "BEGIN ATOMIC"),
    *("\\;", "\\:", "select 7 \\g\n", "select 8 \\gx\n;", "\\echo 'a\\';' \"b\\\" `echo c;`\n"),
    *("\\echo a \\echo b\n", "\\echo a \\\\", "\\set y 'x;'\n", "\\echo ';\n", "\\r\n", "\\\\;\n"),
    *(
        "select 9 \\g |cat \\echo\n",
        "\\! true ; \\echo\n",
        "\\echo 'it''s' ; \\\\ ;",
        "\\#; \\echo\n",
    ),
    ";\nrollback;\ncopy nasty from stdin;\n1;\n'\n\\.\n",
    ';\nrollback;\nCOPY public."nasty" (line) FROM STDOUT with (format text);\r\na\r\n\\.\r\n',
    ";\nrollback;\n/* c */ copy nasty from /* d */ stdin; select 2; -- c\n\\.x\n \\.\n\\.\n",
    ";\nrollback;\ncopy nasty from stdin; copy nasty from stdin;;\n1\n\\.\n2;\n\\.\n",
    ";\nrollback;\ncopy nasty from stdin \\g\n1;\n\\.\n",
    ";\nrollback;\ncopy (select 1 from nasty) to stdout;\n",
    ";\nrollback;\ncopy nasty from stdin \\; copy nasty from stdin;\n1;\n\\.\n2 '\n\\.\n",
    ";\nrollback;\nselect 1 \\; copy nasty from stdin; copy nasty from stdin;\n;\n\\.\n;\n\\.\n",
    ";\nrollback;\n\\copy nasty from stdin\n1;\n'\n\\.\n",
    ';\nrollback;\n\\copy "nasty" ( line ) FROM stdin with (format text);\n1;\n\\.\n',
    ";\nrollback;\ncopy nasty from stdin; \\copy public . nasty from stdout\n1;\n\\.\n2;\n\\.\n",
    ";\nrollback;\n\\copy nasty to stdout\n",
    ";\nrollback;\n\\copy nasty from pstdin\n",
    # what a stride has to leave to the tokens
    *("1e--", "1.e--x\n", "1.e'\\'", "_e'\\'", "$e'\\''", ":e'\\'", ":'word'e'\\''", "=e'\\''"),
    *(
        "date'x;'",
        "(e'a''\\';')",
        "u&'ab''c\\'",
        "x e'a' -- c\r'\\';'",
        "(',;',(1))",
        "(((",
        "- -1",
    ),
    *("insert into t values (1, E'\\';');", "(a, (b, (c, (d))))", "create or replace view v as"),
    ";\nrollback;\nset standard_conforming_strings = off; select '\\';\n",
    ";\nrollback;\nset session standard_conforming_strings to 'no';\n",
    ";\nrollback;\nSET standard_conforming_strings TO on;\n",
    ";\nrollback;\nreset standard_conforming_strings;\n",
    ";\nrollback;\nset standard_conforming_strings to default;\n",
]
JOINTS = ["", "", "", " ", " ", "\n", "\n\n", "\r\n", "\r", "\t", ";", ";\n"]
SCRIPT = st.lists(
    st.tuples(st.sampled_from(PIECES) | st.text("'\"$-/*();:e1\n\r ", max_size=4),
              st.sampled_from(JOINTS)),
    min_size=2,
    max_size=16,
).map(lambda pairs: "".join(piece + joint for piece, joint in pairs))  # fmt: skip
