"""The front door to the analysis: a statement and a connection in, its types and proofs out."""

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.description import Description, describe, describe_analysis, describe_many
from dbkit.analysis.errors import NoSchemaSearched
from dbkit.analysis.lostproof import NESTED_TOO_DEEPLY, LossCause, LostProof, Untyped
from dbkit.analysis.nodes import Node, Value, read_nodes, text_of
from dbkit.analysis.oids import FIRST_NORMAL_OBJECT_ID, LENGTH_COERCIONS
from dbkit.analysis.probe import Analysis, analyse, analyse_each
from dbkit.analysis.proof import Proof
from dbkit.analysis.rows import at_most_one
from dbkit.analysis.scope import Scope, ScopeContext, conjuncts, relations_in
from dbkit.analysis.searchpath import no_schema_searched
from dbkit.analysis.undoing import undone
from dbkit.analysis.vocabulary import (
    CmdType,
    CoercionForm,
    JoinType,
    MergeMatchKind,
    NullTestType,
    OnConflictAction,
    ParamKind,
    RelKind,
    RTEKind,
    SetOperation,
    SubLinkType,
)

__all__ = [
    "FIRST_NORMAL_OBJECT_ID",
    "LENGTH_COERCIONS",
    "NESTED_TOO_DEEPLY",
    "Analysis",
    "Catalog",
    "CmdType",
    "CoercionForm",
    "Description",
    "JoinType",
    "LossCause",
    "LostProof",
    "MergeMatchKind",
    "NoSchemaSearched",
    "Node",
    "NullTestType",
    "OnConflictAction",
    "ParamKind",
    "Proof",
    "RTEKind",
    "RelKind",
    "Scope",
    "ScopeContext",
    "SetOperation",
    "SubLinkType",
    "Untyped",
    "Value",
    "analyse",
    "analyse_each",
    "at_most_one",
    "conjuncts",
    "describe",
    "describe_analysis",
    "describe_many",
    "no_schema_searched",
    "read_nodes",
    "relations_in",
    "text_of",
    "undone",
]
