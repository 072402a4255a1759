"""Which calls can fail because of a value that is stored, so that the error tells of the value.

A function of the server's is taken to fail unless it is leakproof, or is listed here because its
C source raises no error for any value that a column can hold. Left out of account is what every
function may run into: a result of more than a gigabyte, no memory, too deep a nesting.
"""

from dataclasses import dataclass
from sys import byteorder
from typing import Final, LiteralString

from dbkit.analysis import LENGTH_COERCIONS, Catalog, CoercionForm, Node, text_of

# by the names of the C functions, which are the same in all versions
_SAFE = """
    aclitem_eq any_value_transfn array_cardinality array_dims array_eq array_ge array_gt array_le
    array_length array_lower array_lt array_ndims array_ne array_to_json array_to_json_pretty
    array_to_text array_to_text_null array_unnest array_upper arraycontained arraycontains
    arrayoverlap ascii binary_encode booltext bpcharlen bpcharoctetlen btrim btrim1 bytea_larger
    bytea_smaller byteaoctetlen byteapos char_text crc32_bytea crc32c_bytea current_database
    current_schema current_user
    date_eq_timestamp date_eq_timestamptz date_finite date_ge_timestamp date_ge_timestamptz
    date_gt_timestamp date_gt_timestamptz date_le_timestamp date_le_timestamptz date_lt_timestamp
    date_lt_timestamptz date_ne_timestamp date_ne_timestamptz dceil dfloor dround dsign dtrunc
    elem_contained_by_range enum_eq enum_ge enum_gt enum_le enum_lt enum_ne float8abs float8um
    gen_random_uuid hash_array hash_numeric hashenum hashfloat8 hashint4 hashint8 hashtext
    hashtextextended inet_to_cidr initcap int2and int4and int4not int4or int4shl int4shr int4xor
    int8and int8or int8xor interval_time json_build_array json_build_array_noargs
    json_build_object_noargs jsonb_array_element jsonb_array_element_text
    jsonb_build_array_noargs jsonb_build_object_noargs jsonb_contained jsonb_contains jsonb_eq
    jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text
    jsonb_ge jsonb_gt jsonb_hash jsonb_le jsonb_lt jsonb_ne jsonb_object_field
    jsonb_object_field_text jsonb_path_exists_opr jsonb_path_match_opr jsonb_pretty
    jsonb_strip_nulls jsonb_typeof lower ltrim ltrim1 multirange_eq multirange_ge multirange_gt
    multirange_le multirange_lt multirange_ne network_broadcast network_family network_host
    network_masklen network_netmask network_network network_overlap network_show network_sub
    network_subeq network_sup network_supeq now numeric_abs numeric_ceil numeric_eq numeric_floor
    numeric_ge numeric_gt numeric_larger numeric_le numeric_lt numeric_ne numeric_sign
    numeric_smaller numeric_uminus pg_backend_pid pg_column_size pg_typeof quote_ident
    quote_literal quote_nullable range_adjacent range_after range_before range_contained_by
    range_contains range_contains_elem range_empty range_eq range_ge range_gt range_intersect
    range_le range_lower range_lower_inc range_lower_inf range_lt range_ne range_overlaps
    range_overleft range_overright range_upper range_upper_inc range_upper_inf replace_text
    row_to_json row_to_json_pretty rtrim rtrim1 session_user text_concat text_concat_ws
    text_reverse textcat textlen textoctetlen textpos timestamp_date timestamp_eq_date
    timestamp_eq_timestamptz timestamp_finite timestamp_ge_date timestamp_ge_timestamptz
    timestamp_gt_date timestamp_gt_timestamptz timestamp_le_date timestamp_le_timestamptz
    timestamp_lt_date timestamp_lt_timestamptz timestamp_ne_date timestamp_ne_timestamptz
    timestamp_time timestamptz_date timestamptz_eq_date timestamptz_eq_timestamp
    timestamptz_ge_date timestamptz_ge_timestamp timestamptz_gt_date timestamptz_gt_timestamp
    timestamptz_le_date timestamptz_le_timestamp timestamptz_lt_date timestamptz_lt_timestamp
    timestamptz_ne_date timestamptz_ne_timestamp timestamptz_time to_json translate ts_match_qv
    ts_match_vq tsquery_eq tsquery_ge tsquery_gt tsquery_le tsquery_lt tsquery_ne tsvector_eq
    tsvector_ge tsvector_gt tsvector_le tsvector_length tsvector_lt tsvector_ne upper uuid_hash
    uuid_extract_timestamp uuid_extract_version window_cume_dist window_dense_rank
    window_first_value window_lag window_last_value window_lead window_percent_rank window_rank
    window_row_number
"""
_SAFE_SOURCES: Final = frozenset(_SAFE.split())
# safe in these arguments, the first one is 0: what can fail is the pattern, the number, the field
_SAFE_ARGUMENTS: Final = {
    **dict.fromkeys(
        (
            "textregexeq", "textregexne", "texticregexeq", "texticregexne", "nameregexeq",
            "nameregexne", "nameicregexeq", "nameicregexne", "text_left", "text_right",
            "text_substr", "text_substr_no_len", "bytea_substr", "bytea_substr_no_len",
        ),
        frozenset({0}),
    ),
    "split_part": frozenset({0, 1}),
    **dict.fromkeys(
        (
            "extract_timestamp", "extract_timestamptz", "extract_date", "extract_time",
            "extract_interval", "timestamp_part", "timestamptz_part", "interval_part",
        ),
        frozenset({1}),
    ),
}  # fmt: skip
# they fail where a pattern ends with a backslash, and only where the text has matched so far
_LIKE: Final = frozenset(
    {
        "textlike", "textnlike", "texticlike", "texticnlike", "namelike", "namenlike",
        "nameiclike", "nameicnlike",
    }
)  # fmt: skip
# they fail where the second argument is 0, or where it is -1 and the first has no opposite
_DIVISIONS: Final = frozenset(
    {
        "int24div", "int28div", "int2div", "int2mod", "int42div", "int48div", "int4div",
        "int4mod", "int82div", "int84div", "int8div", "int8mod",
    }
)  # fmt: skip
_SAFE_OF_EXTENSIONS: Final = {
    "citext": frozenset(
        f"citext_{name}" for name in ("eq", "ne", "lt", "le", "gt", "ge", "cmp", "hash")
    ),
    "hstore": frozenset(
        {
            "akeys", "avals", "defined", "exist", "exists_all", "exists_any", "fetchval",
            "hs_contained", "hs_contains", "hstore_eq", "hstore_ne", "isdefined", "isexists",
        }
    ),
    "ltree": frozenset(
        f"ltree_{name}"
        for name in ("eq", "ne", "lt", "le", "gt", "ge", "cmp", "isparent", "risparent")
    ),
    "pg_trgm": frozenset(
        {
            "similarity", "similarity_dist", "similarity_op", "strict_word_similarity",
            "strict_word_similarity_op", "word_similarity", "word_similarity_op",
        }
    ),
}  # fmt: skip
# any value has a text, so what they make of it is made without an error; and count and its like
_SAFE_AGGREGATES: Final = frozenset(
    {"bool_and", "bool_or", "count", "every", "json_agg", "max", "min", "string_agg"}
)
# text || anynonarray, anynonarray || text, array_agg(anynonarray), sum of int8, int4, int2
_SAFE_OIDS: Final = frozenset({2003, 2004, 2335, 2107, 2108, 2109})
# unknown, text, name, bpchar, varchar, cstring: every text is a value of these
_TEXTS: Final = frozenset({705, 25, 19, 1042, 1043, 2275})
_BACKSLASH: Final = "\\"


@dataclass(frozen=True, slots=True)
class _Traits:
    """What is known of a function: whether it can fail, and in which arguments it cannot."""

    name: str
    is_safe: bool
    safe_arguments: frozenset[int] = frozenset()
    is_like: bool = False
    divides: bool = False
    escapes_like: bool = False
    joins_text: bool = False


class Failing:
    """Says which arguments of a call can make it fail."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._traits: dict[int, _Traits] = {}
        self._types: dict[int, str] = {}

    def arguments(self, node: Node) -> list[Node]:  # noqa: PLR0911 - a kind a return
        """Return the arguments of a call whose values can make it fail."""
        match node.kind:
            case "FUNCEXPR" | "OPEXPR" | "DISTINCTEXPR" | "NULLIFEXPR" | "SCALARARRAYOPEXPR":
                return self._of_call(node)
            case "WINDOWFUNC" | "AGGREF":
                return self._of_aggregate(node)
            case "COERCEVIAIO":
                is_text = node.number("resulttype") in _TEXTS
                return [] if is_text else [node.needed("arg")]
            case "ARRAYCOERCEEXPR":
                can_fail = any(self._can_fail(inner) for inner in node.needed("elemexpr").walk())
                return [node.needed("arg")] if can_fail else []
            case "COERCETODOMAIN":
                return [node.needed("arg")]
            case "ROWCOMPAREEXPR":
                functions = map(self._catalog.function_of, node.numbers("opnos"))
                is_safe = all(self._traits_of(function).is_safe for function in functions)
                return [] if is_safe else [*node.children("largs"), *node.children("rargs")]
            case "XMLEXPR":
                return [*node.children("named_args"), *node.children("args")]
            case "JSONEXPR":
                return [node.needed("formatted_expr")]
            case _:
                return []

    def words(self, node: Node) -> str:
        """Return what a call is called in a message."""
        match node.kind:
            case "COERCEVIAIO" | "ARRAYCOERCEEXPR" | "COERCETODOMAIN":
                return f"the cast to {self._type_name(node.number('resulttype'))}"
            case "FUNCEXPR" if node.number("funcformat") in {
                CoercionForm.EXPLICIT_CAST,
                CoercionForm.IMPLICIT_CAST,
            }:
                return f"the cast to {self._type_name(node.number('funcresulttype'))}"
            case "OPEXPR" | "DISTINCTEXPR" | "NULLIFEXPR" | "SCALARARRAYOPEXPR":
                return f"`{self._catalog.operator_name(node.number('opno'))}`"
            case "JSONEXPR":
                return "an SQL/JSON function"
            case _:
                [function, *_] = [*node.functions(), 0]
                return f"{self._catalog.function(function).name}()" if function else "an expression"

    def _can_fail(self, node: Node) -> bool:
        return node.kind != "CASETESTEXPR" and bool(self.arguments(node))

    def _of_call(self, node: Node) -> list[Node]:
        arguments = node.children("args")
        [function] = node.functions()
        traits = self._traits_of(function)
        if traits.is_safe:
            return []
        if function in LENGTH_COERCIONS:
            # an explicit cast cuts what is too long
            is_explicit = node.number("funcformat") == CoercionForm.EXPLICIT_CAST
            return [] if is_explicit else arguments[:1]
        if traits.is_like and self._is_whole(arguments[1]):
            return []
        if traits.divides and _number(arguments[1]) not in {None, 0, -1}:
            return []
        return [
            argument
            for position, argument in enumerate(arguments)
            if position not in traits.safe_arguments
        ]

    def _of_aggregate(self, node: Node) -> list[Node]:
        [function] = node.functions()
        name = self._catalog.function(function).name
        if function in _SAFE_OIDS or self._traits_of(function).is_safe:
            return []
        if name in _SAFE_AGGREGATES and self._catalog.function(function).builtin:
            return []
        return [argument.child("expr") or argument for argument in node.children("args")]

    def _is_whole(self, pattern: Node) -> bool:
        """Say whether a pattern of `like` cannot end in the middle of an escape."""
        text = text_of(pattern)
        if text is not None:
            return (len(text) - len(text.rstrip(_BACKSLASH))) % 2 == 0
        if pattern.kind == "RELABELTYPE":
            return self._is_whole(pattern.needed("arg"))
        functions, arguments = pattern.functions(), pattern.children("args")
        if not functions or not arguments:
            return False
        traits, last = self._traits_of(functions[0]), text_of(arguments[-1])
        if traits.escapes_like:
            return last == ""
        # what comes last is no backslash, escaped or not
        return traits.joins_text and bool(last) and not str(last).endswith(_BACKSLASH)

    def _traits_of(self, function: int) -> _Traits:
        if function not in self._traits:
            [(name, source, is_leakproof, is_builtin, extension)] = self._catalog.rows(
                _TRAITS, function
            )
            is_known = is_builtin and source in _SAFE_SOURCES
            is_of_extension = name in _SAFE_OF_EXTENSIONS.get(extension, ())
            self._traits[function] = _Traits(
                name,
                is_leakproof or is_known or is_of_extension or function in _SAFE_OIDS,
                _SAFE_ARGUMENTS.get(source, frozenset()) if is_builtin else frozenset(),
                is_like=is_builtin and source in _LIKE,
                divides=is_builtin and source in _DIVISIONS,
                escapes_like=is_builtin and source == "like_escape",
                joins_text=is_builtin and source in {"textcat", "text_concat"},
            )
        return self._traits[function]

    def _type_name(self, type_oid: int) -> str:
        if type_oid not in self._types:
            [(name,)] = self._catalog.rows(_TYPE_NAME, type_oid)
            self._types[type_oid] = str(name)
        return self._types[type_oid]


def _number(constant: Node) -> int | None:
    """Return the number that a constant of an integer type is, None if it is anything else."""
    if constant.kind != "CONST" or constant.flag("constisnull"):
        return None
    return int.from_bytes(constant.datum()[: constant.number("constlen")], byteorder, signed=True)


_TRAITS: LiteralString = """
select
    function.proname,
    function.prosrc,
    function.proleakproof,
    function.oid < 10000 and language.lanname = 'internal',
    coalesce(extension.extname, '')
from pg_catalog.pg_proc as function
join pg_catalog.pg_language as language on language.oid = function.prolang
left join pg_catalog.pg_depend as part
    on part.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    and part.objid = function.oid
    and part.deptype = 'e'
left join pg_catalog.pg_extension as extension on extension.oid = part.refobjid
where function.oid = $1
"""

_TYPE_NAME: LiteralString = "select pg_catalog.format_type($1::oid, null)"
