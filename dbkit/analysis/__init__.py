"""The front door to the analysis: a statement and a connection in, its types and proofs out."""

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.description import Description, describe
from dbkit.analysis.nodes import Node, Value
from dbkit.analysis.nulls import Proof
from dbkit.analysis.oids import FIRST_NORMAL_OBJECT_ID, LENGTH_COERCIONS
from dbkit.analysis.probe import analyse, parse
from dbkit.analysis.scope import Scope, ScopeContext, conjuncts, relations_in
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
    "Catalog",
    "CmdType",
    "CoercionForm",
    "Description",
    "JoinType",
    "MergeMatchKind",
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
    "Value",
    "analyse",
    "conjuncts",
    "describe",
    "parse",
    "relations_in",
]
