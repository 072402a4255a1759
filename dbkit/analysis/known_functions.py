"""When PostgreSQL's own functions return null, beyond what `strict` says."""

from dbkit.analysis.catalog import CatalogFunction
from dbkit.analysis.oids import (
    F_ANYTEXTCAT,
    F_QUOTE_LITERAL_ANYELEMENT,
    F_STRING_TO_ARRAY_TEXT_TEXT,
    F_STRING_TO_TABLE_TEXT_TEXT,
    F_TEXTANYCAT,
)
from dbkit.analysis.total_functions import TOTAL_FUNCTIONS

# not strict, and never null
ALWAYS = frozenset(
    {
        "array_append", "array_fill", "array_prepend", "concat", "daterange", "enum_first",
        "enum_last", "enum_range", "int4range", "int8range",
        "json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object",
        "num_nonnulls", "num_nulls", "numrange", "pg_typeof", "quote_nullable", "tsrange",
        "tstzrange",
    }
)  # fmt: skip
RANGES = frozenset({"daterange", "int4range", "int8range", "numrange", "tsrange", "tstzrange"})
BUILD_OBJECT = frozenset({"json_build_object", "jsonb_build_object"})
BUILD_ARRAY = frozenset({"json_build_array", "jsonb_build_array"})
# not strict, and never null if the first argument is not
BY_FIRST_ARGUMENT = frozenset(
    {
        "array_positions", "array_remove", "array_replace", "concat_ws", "format", "format_type",
        "string_to_array",
    }
)  # fmt: skip
# not strict, and never null if no argument is
BY_ALL_ARGUMENTS = frozenset({"array_to_string", "overlaps"})
# not strict, and null only if all arguments are
BY_ANY_ARGUMENT = frozenset({"array_cat"})
# arrays of which no element is ever null
NO_NULL_ELEMENTS = frozenset(
    {"array_positions", "enum_range", "regexp_split_to_array", "tsvector_to_array"}
)
# arrays of the elements of the array that is the first argument
SAME_ELEMENTS = frozenset(
    {"array_remove", "array_reverse", "array_sample", "array_shuffle", "array_sort", "trim_array"}
)
# with a format or a field, null only for an infinite time
BY_FINITE_TIME = frozenset({"date_part", "extract", "to_char"})
# the time of the server's clock
NOW = frozenset({"clock_timestamp", "now", "statement_timestamp", "transaction_timestamp"})
# set-returning, and no column is ever null
ALL_COLUMNS = frozenset(
    {
        "generate_series", "generate_subscripts", "json_array_elements", "json_each",
        "json_object_keys", "jsonb_array_elements", "jsonb_each", "jsonb_object_keys",
        "jsonb_path_query", "regexp_matches", "regexp_split_to_table",
    }
)  # fmt: skip
# set-returning, and the first column is never null
FIRST_COLUMN = frozenset({"json_each_text", "jsonb_each_text"})

# total if the cast to text within them is
CASTING_TO_TEXT = frozenset({F_QUOTE_LITERAL_ANYELEMENT, F_TEXTANYCAT, F_ANYTEXTCAT})

COUNTS = frozenset({"count", "regr_count"})
# never null if there is a row
BY_ROW = frozenset(
    {
        "array_agg", "json_agg", "json_agg_strict", "json_object_agg", "json_object_agg_strict",
        "json_object_agg_unique", "json_object_agg_unique_strict", "jsonb_agg",
        "jsonb_agg_strict", "jsonb_object_agg", "jsonb_object_agg_strict",
        "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict",
    }
)  # fmt: skip
# never null if there is a row whose argument is not null
BY_VALUE = frozenset(
    {
        "any_value", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "every",
        "max", "min", "mode", "percentile_cont", "percentile_disc", "range_agg",
        "range_intersect_agg", "stddev_pop", "string_agg", "sum", "var_pop",
    }
)  # fmt: skip
# window functions that may have their arguments from another row of the window
OF_ANOTHER_ROW = frozenset(
    {
        "cume_dist", "dense_rank", "first_value", "lag", "last_value", "lead", "ntile",
        "percent_rank", "rank", "row_number",
    }
)  # fmt: skip


# string_to_array and string_to_table without a text that stands for null
SPLITTING = frozenset({F_STRING_TO_ARRAY_TEXT_TEXT, F_STRING_TO_TABLE_TEXT_TEXT})


def is_total(function: CatalogFunction) -> bool:
    """Say whether a function never returns null if none of its arguments is null."""
    return function.oid in TOTAL_FUNCTIONS
