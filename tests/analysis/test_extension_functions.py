"""What well-known extensions compute is never null, and only what is theirs is believed."""

import psycopg
import pytest

from dbkit.analysis import describe

# by the extension, expressions over the functions and operators that are used most
CALLS = {
    "vector": [
        "a <-> b", "a <#> b", "a <=> b", "a <+> b", "l2_distance(a, b)", "inner_product(a, b)",
        "cosine_distance(a, b)", "cosine_distance('[0,0]', b)", "l1_distance(a, b)",
        "vector_dims(a)", "vector_norm(a)", "l2_normalize('[0,0]'::vector)", "subvector(a, 1, 1)",
        "a + b", "a - b", "a * b", "a || b", "a = b", "a < b", "binary_quantize(a)",
        "1 - (a <=> b)", "a::halfvec(2) <-> b::halfvec", "a::halfvec <=> b::halfvec",
        "a::sparsevec <-> b::sparsevec", "a::real[]", "'{1,2}'::real[]::vector", "a::vector(2)",
        "b'10' <~> b'11'", "b'00' <%> b'00'", "a = any (array['[1,2]'::vector])",
    ],
    "pgcrypto": [
        "digest('a', 'sha256')", "hmac('a', 'b', 'md5')", "crypt('a', gen_salt('md5'))",
        "gen_salt('bf', 4)", "gen_random_bytes(3)", "gen_random_uuid()", "armor('a'::bytea)",
        "pgp_sym_decrypt(pgp_sym_encrypt('', 'k'), 'k')", "encode(digest('', 'md5'), 'hex')",
        "decrypt(encrypt('a', 'k', 'aes'), 'k', 'aes')",
    ],
    "pg_trgm": [
        "similarity('a', '')", "'a' % 'b'", "'' <-> ''", "word_similarity('a', 'b')",
        "show_trgm('')", "'a' <% 'b'", "'a' %> 'b'", "'a' <<-> 'b'", "show_limit()",
        "strict_word_similarity('', '')",
    ],
    "unaccent": ["unaccent('')", "unaccent('a')", "unaccent('unaccent', 'a')"],
    "citext": [
        "'a'::citext = 'A'", "'a'::citext < 'b'", "'a'::citext <> 'A'", "'a'::citext like 'A%'",
        "'a'::citext ~ 'A'", "lower('A'::citext)", "'a'::citext || 'b'", "'a'::citext::text",
        "'a'::citext = any ('{a}'::citext[])",
    ],
    "hstore": [
        "h ? 'a'", "h || 'b=>1'", "h - 'a'::text", "h @> 'a=>1'", "akeys(h)", "avals(h)",
        "hstore_to_jsonb(h)", "h::json", "defined(h, 'a')", "exist(h, 'z')", "h ?& '{a}'",
        "slice(h, '{z}')", "h = h", "h - '{a}'::text[]", "hstore_to_json_loose('')",
    ],
    "fuzzystrmatch": [
        "levenshtein('', '')", "levenshtein('a', 'b', 1, 2, 3)", "soundex('')",
        "difference('', 'a')", "metaphone('', 4)", "levenshtein_less_equal('a', 'bcd', 1)",
    ],
    "uuid-ossp": ["uuid_generate_v4()", "uuid_generate_v1()", "uuid_nil()",
                  "uuid_generate_v5(uuid_ns_url(), '')"],
    "ltree": [
        "nlevel('')", "'a'::ltree @> 'a.b'", "'a.b'::ltree <@ 'a'", "subpath('a.b', 0, 1)",
        "'a'::ltree || 'b'::ltree", "'a'::ltree || 'b'::text", "index('a.b', 'z')",
        "ltree2text('')", "text2ltree('')", "'a'::ltree = 'b'", "subltree('a.b', 0, 1)",
    ],
}  # fmt: skip
# and what may be null even so
DOUBTFUL = {
    "vector": ["(select avg(v) from (select a as v where false) as x)"],
    "hstore": ["h -> 'z'", "h -> 'n'", "hstore(null::text, 'a')"],
    "ltree": ["lca('{}'::ltree[])"],
}
_SOURCE = {
    "vector": "select '[1,2]'::vector as a, '[3,4]'::vector as b",
    "hstore": "select 'a=>1,n=>null'::hstore as h",
}


@pytest.mark.parametrize("extension", CALLS)
def test_what_an_extension_computes_is_never_null(
    extension: str, empty: psycopg.Connection
) -> None:
    if not _create(empty, extension):
        pytest.skip(f"this PostgreSQL comes without {extension}")
    source = _SOURCE.get(extension, "select 1 as one")
    texts = [f"select {call} as x from ({source}) as y" for call in CALLS[extension]]

    assert [text for text in texts if describe(empty, text).columns[0].nullable] == []
    assert [text for text in texts if empty.execute(text.encode()).fetchone() == (None,)] == []
    for call in DOUBTFUL.get(extension, ()):
        text = f"select {call} as x from ({source}) as y"
        assert describe(empty, text).columns[0].nullable
        assert empty.execute(text.encode()).fetchone() == (None,)


@pytest.mark.parametrize(("extension", "call"), [("vector", "vector_norm"), ("hstore", "akeys")])
def test_only_a_function_of_the_extension_s_library_is_believed(
    extension: str, call: str, empty: psycopg.Connection
) -> None:
    if not _create(empty, extension):
        pytest.skip(f"this PostgreSQL comes without {extension}")
    returns = "float8" if extension == "vector" else "text[]"
    value = "'[1]'" if extension == "vector" else "'a=>1'"
    empty.execute("create schema mine")
    for schema, replaced in (("mine", ""), ("public", "or replace")):
        empty.execute(
            f"create {replaced} function {schema}.{call}({extension}) returns {returns} "
            f"strict immutable language sql return null::{returns}".encode()
        )
        text = f"select {schema}.{call}({value}::{extension}) as x"

        assert empty.execute(text.encode()).fetchone() == (None,)
        assert describe(empty, text).columns[0].why == f"{call} may return null"


def _create(connection: psycopg.Connection, extension: str) -> bool:
    """Create an extension, if the server comes with it."""
    found = connection.execute(
        "select from pg_available_extensions where name = %s", (extension,)
    ).fetchone()
    if found is not None:
        connection.execute(f'create extension "{extension}" cascade'.encode())
    return found is not None
