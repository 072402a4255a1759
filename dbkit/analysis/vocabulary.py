"""The names of the numbers and letters in an analysed query: PostgreSQL's vocabulary of nodes.

The classes have the names of PostgreSQL's source. Their members have, too, without the prefix or
suffix that all members of a class share there. The numbers are the same in all versions since 15;
a member that came later says so.
"""

from enum import IntEnum, IntFlag, StrEnum


class CmdType(IntEnum):
    """`commandType` of a query, and of an action of a merge."""

    UNKNOWN = 0
    SELECT = 1
    UPDATE = 2
    INSERT = 3
    DELETE = 4
    MERGE = 5
    UTILITY = 6
    NOTHING = 7


class RTEKind(IntEnum):
    """`rtekind` of an entry of the range table: what a relation of a query is."""

    RELATION = 0
    SUBQUERY = 1
    JOIN = 2
    FUNCTION = 3
    TABLEFUNC = 4
    VALUES = 5
    CTE = 6
    NAMEDTUPLESTORE = 7
    RESULT = 8
    # since 18: the keys of `group by`
    GROUP = 9


class TableFuncType(IntEnum):
    """`functype` of a table that is made of a value; before 17 there is only xmltable()."""

    XMLTABLE = 0
    JSON_TABLE = 1


class JoinType(IntEnum):
    """`jointype` of a join; the planner's own kinds never stand in an analysed query."""

    INNER = 0
    LEFT = 1
    FULL = 2
    RIGHT = 3


class SetOperation(IntEnum):
    """`op` of two queries that are combined."""

    NONE = 0
    UNION = 1
    INTERSECT = 2
    EXCEPT = 3


class GroupingSetKind(IntEnum):
    """`kind` of an item of `group by` with grouping sets."""

    EMPTY = 0
    SIMPLE = 1
    ROLLUP = 2
    CUBE = 3
    SETS = 4


class SubLinkType(IntEnum):
    """`subLinkType` of a sub-select in an expression."""

    EXISTS = 0
    ALL = 1
    # `in` as well
    ANY = 2
    ROWCOMPARE = 3
    # the value of one row
    EXPR = 4
    MULTIEXPR = 5
    ARRAY = 6
    CTE = 7


class ParamKind(IntEnum):
    """`paramkind` of a parameter."""

    # $1, $2 and so on
    EXTERN = 0
    EXEC = 1
    # a column of the sub-select that the expression is compared with
    SUBLINK = 2
    MULTIEXPR = 3


class CoercionForm(IntEnum):
    """`funcformat`: how a call was written."""

    EXPLICIT_CALL = 0
    EXPLICIT_CAST = 1
    IMPLICIT_CAST = 2
    SQL_SYNTAX = 3


class NullTestType(IntEnum):
    """`nulltesttype` of `is null`."""

    IS_NULL = 0
    IS_NOT_NULL = 1


class BoolTestType(IntEnum):
    """`booltesttype` of `is true` and its like."""

    IS_TRUE = 0
    IS_NOT_TRUE = 1
    IS_FALSE = 2
    IS_NOT_FALSE = 3
    IS_UNKNOWN = 4
    IS_NOT_UNKNOWN = 5


class OnConflictAction(IntEnum):
    """`action` of `on conflict`."""

    NONE = 0
    NOTHING = 1
    UPDATE = 2


class MergeMatchKind(IntEnum):
    """`matchKind` of an action of a merge; before 17 there is only `matched`, true or false."""

    MATCHED = 0
    NOT_MATCHED_BY_SOURCE = 1
    NOT_MATCHED_BY_TARGET = 2


class VarReturningType(IntEnum):
    """`varreturningtype` of a column in `returning`; since 18."""

    DEFAULT = 0
    OLD = 1
    NEW = 2


class LimitOption(IntEnum):
    """`limitOption` of `fetch first`."""

    COUNT = 0
    WITH_TIES = 1


class SQLValueFunctionOp(IntEnum):
    """`op` of what is written without parentheses, like `current_date`."""

    CURRENT_DATE = 0
    CURRENT_TIME = 1
    CURRENT_TIME_N = 2
    CURRENT_TIMESTAMP = 3
    CURRENT_TIMESTAMP_N = 4
    LOCALTIME = 5
    LOCALTIME_N = 6
    LOCALTIMESTAMP = 7
    LOCALTIMESTAMP_N = 8
    CURRENT_ROLE = 9
    CURRENT_USER = 10
    USER = 11
    SESSION_USER = 12
    CURRENT_CATALOG = 13
    CURRENT_SCHEMA = 14


class JsonConstructorType(IntEnum):
    """`type` of `json_object()` and its like; since 16, the last three since 17."""

    JSON_OBJECT = 1
    JSON_ARRAY = 2
    JSON_OBJECTAGG = 3
    JSON_ARRAYAGG = 4
    JSON_PARSE = 5
    JSON_SCALAR = 6
    JSON_SERIALIZE = 7


class JsonExprOp(IntEnum):
    """`op` of `json_exists()` and its like; since 17."""

    EXISTS = 0
    QUERY = 1
    VALUE = 2
    TABLE = 3


class JsonBehaviorType(IntEnum):
    """`btype` of what `on error` and `on empty` say; since 17."""

    NULL = 0
    ERROR = 1
    EMPTY = 2
    TRUE = 3
    FALSE = 4
    UNKNOWN = 5
    EMPTY_ARRAY = 6
    EMPTY_OBJECT = 7
    DEFAULT = 8


class FrameOption(IntFlag):
    """`frameOptions` of a window."""

    NONDEFAULT = 0x00001
    RANGE = 0x00002
    ROWS = 0x00004
    GROUPS = 0x00008
    BETWEEN = 0x00010
    START_UNBOUNDED_PRECEDING = 0x00020
    END_UNBOUNDED_PRECEDING = 0x00040
    START_UNBOUNDED_FOLLOWING = 0x00080
    END_UNBOUNDED_FOLLOWING = 0x00100
    START_CURRENT_ROW = 0x00200
    END_CURRENT_ROW = 0x00400
    START_OFFSET_PRECEDING = 0x00800
    END_OFFSET_PRECEDING = 0x01000
    START_OFFSET_FOLLOWING = 0x02000
    END_OFFSET_FOLLOWING = 0x04000
    EXCLUDE_CURRENT_ROW = 0x08000
    EXCLUDE_GROUP = 0x10000
    EXCLUDE_TIES = 0x20000
    EXCLUSION = EXCLUDE_CURRENT_ROW | EXCLUDE_GROUP | EXCLUDE_TIES


class BoolExprType(StrEnum):
    """`boolop` of conditions that are combined; written as words."""

    AND = "and"
    OR = "or"
    NOT = "not"


class RelKind(StrEnum):
    """`relkind` of a relation, here and in pg_class."""

    RELATION = "r"
    PARTITIONED_TABLE = "p"
    SEQUENCE = "S"
    VIEW = "v"
    MATVIEW = "m"
    FOREIGN_TABLE = "f"
    TOASTVALUE = "t"
    # the row that was to be inserted, in what `on conflict` does
    COMPOSITE_TYPE = "c"


class AggKind(StrEnum):
    """`aggkind` of an aggregate."""

    NORMAL = "n"
    ORDERED_SET = "o"
    HYPOTHETICAL = "h"
