"""What PostgreSQL's documentation and source say of its functions beyond being strict."""

from dbkit.analysis.catalog import CatalogFunction
from dbkit.analysis.total_functions import TOTAL_FUNCTIONS

# not strict, and yet there is always a value
ALWAYS = frozenset(
    {
        "array_append", "array_prepend", "concat", "daterange", "int4range", "int8range",
        "json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object",
        "num_nonnulls", "num_nulls", "numrange", "pg_typeof", "quote_nullable", "tsrange",
        "tstzrange",
    }
)  # fmt: skip
# not strict, and there is a value where the first argument has one
BY_FIRST_ARGUMENT = frozenset({"array_remove", "array_replace", "concat_ws", "format"})
# set-returning, and every column of every row has a value
ALL_COLUMNS = frozenset(
    {
        "generate_series", "generate_subscripts", "json_array_elements", "json_each",
        "json_object_keys", "jsonb_array_elements", "jsonb_each", "jsonb_object_keys",
        "jsonb_path_query", "regexp_matches", "regexp_split_to_table",
    }
)  # fmt: skip
# set-returning, and the first column of every row has a value
FIRST_COLUMN = frozenset({"json_each_text", "jsonb_each_text"})

# quote_literal(anyelement), text || any and any || text: total, if the cast to text in them is
CASTING_TO_TEXT = frozenset({1285, 2003, 2004})

COUNTS = frozenset({"count", "regr_count"})
# a value wherever there is a row
BY_ROW = frozenset(
    {
        "array_agg", "json_agg", "json_agg_strict", "json_object_agg", "json_object_agg_strict",
        "json_object_agg_unique", "json_object_agg_unique_strict", "jsonb_agg",
        "jsonb_agg_strict", "jsonb_object_agg", "jsonb_object_agg_strict",
        "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict",
    }
)  # fmt: skip
# a value wherever there is a row with one
BY_VALUE = frozenset(
    {
        "any_value", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "every",
        "max", "min", "mode", "percentile_cont", "percentile_disc", "range_agg",
        "range_intersect_agg", "stddev_pop", "string_agg", "sum", "var_pop",
    }
)  # fmt: skip
RANKS = frozenset({"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"})


def is_total(function: CatalogFunction) -> bool:
    """Say whether it gives a value whenever all its arguments have one."""
    return function.oid in TOTAL_FUNCTIONS
