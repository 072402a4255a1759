"""When PostgreSQL's own functions return null, beyond what `strict` says."""

from dbkit.analysis.catalog import CatalogFunction
from dbkit.analysis.oids import F_ANYTEXTCAT, F_QUOTE_LITERAL_ANYELEMENT, F_TEXTANYCAT
from dbkit.analysis.total_functions import TOTAL_FUNCTIONS

# not strict, and never null
ALWAYS = frozenset(
    {
        "array_append", "array_prepend", "concat", "daterange", "int4range", "int8range",
        "json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object",
        "num_nonnulls", "num_nulls", "numrange", "pg_typeof", "quote_nullable", "tsrange",
        "tstzrange",
    }
)  # fmt: skip
# not strict, and never null if the first argument is not
BY_FIRST_ARGUMENT = frozenset({"array_remove", "array_replace", "concat_ws", "format"})
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


def is_total(function: CatalogFunction) -> bool:
    """Say whether a function never returns null if none of its arguments is null."""
    return function.oid in TOTAL_FUNCTIONS
