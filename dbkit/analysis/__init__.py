"""The front door to describing: a statement and a connection in, its types and proofs out."""

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.describe import describe
from dbkit.analysis.description import Description
from dbkit.analysis.nodes import Node, Value
from dbkit.analysis.nulls import Proof
from dbkit.analysis.probe import analyse, parse
from dbkit.analysis.scope import (
    CTE,
    DELETE,
    GROUP,
    INNER,
    INSERT,
    IS_NULL,
    LEFT,
    MERGE,
    RELATION,
    RIGHT,
    SELECT,
    SUBQUERY,
    UPDATE,
    VALUES,
    Scope,
    Setting,
    conjuncts,
    members,
)

__all__ = [
    "CTE",
    "DELETE",
    "GROUP",
    "INNER",
    "INSERT",
    "IS_NULL",
    "LEFT",
    "MERGE",
    "RELATION",
    "RIGHT",
    "SELECT",
    "SUBQUERY",
    "UPDATE",
    "VALUES",
    "Catalog",
    "Description",
    "Node",
    "Proof",
    "Scope",
    "Setting",
    "Value",
    "analyse",
    "conjuncts",
    "describe",
    "members",
    "parse",
]
