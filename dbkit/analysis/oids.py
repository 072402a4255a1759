"""The oids of PostgreSQL's own objects, by the names that its source gives them."""

BOOLOID = 16
INT8OID = 20
INT2OID = 21
INT4OID = 23
TEXTOID = 25
JSONOID = 114
# the type of a literal that has none yet
UNKNOWNOID = 705
# the type of a row whose type has no name
RECORDOID = 2249
JSONBOID = 3802

F_INT8_INT4 = 481
F_INT8_INT2 = 754
# the casts of a shorter integer to bigint
INT8_CASTS = frozenset({F_INT8_INT2, F_INT8_INT4})
F_BPCHAR_BPCHAR_INT4_BOOL = 668
F_VARCHAR_VARCHAR_INT4_BOOL = 669
# the casts to a length, char(n) and varchar(n): what is too long is refused where it is assigned
LENGTH_COERCIONS = frozenset({F_BPCHAR_BPCHAR_INT4_BOOL, F_VARCHAR_VARCHAR_INT4_BOOL})
# quote_literal(anyelement), text || anynonarray and anynonarray || text
F_QUOTE_LITERAL_ANYELEMENT = 1285
F_TEXTANYCAT = 2003
F_ANYTEXTCAT = 2004
# of two arguments: without the text that stands for null
F_STRING_TO_ARRAY_TEXT_TEXT = 394
F_STRING_TO_TABLE_TEXT_TEXT = 6160
F_ARRAY_AGG_ANYNONARRAY = 2335
# jsonb || jsonb, and jsonb - text
F_JSONB_CONCAT = 3301
F_JSONB_DELETE_JSONB_TEXT = 3302

# everything below is written down in PostgreSQL's source, and keeps its oid in every version
FIRST_GENBKI_OBJECT_ID = 10_000
# everything below was made by initdb: PostgreSQL's own views are there
FIRST_NORMAL_OBJECT_ID = 16_384
