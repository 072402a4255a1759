"""The fields of the nodes of an analysed query: those of PostgreSQL 15 to 18 together."""

from collections.abc import Mapping

# written by tests/analysis/read_node_fields.py
NODE_FIELDS: Mapping[str, str] = {
    "AGGREF": (
        "aggargtypes aggcollid aggdirectargs aggdistinct aggfilter aggfnoid aggkind agglevelsup "
        "aggno aggorder aggpresorted aggsplit aggstar aggtransno aggtranstype aggtype aggvariadic "
        "args inputcollid location"
    ),
    "ALIAS": "aliasname colnames",
    "ARRAYCOERCEEXPR": "arg coerceformat elemexpr location resultcollid resulttype resulttypmod",
    "ARRAYEXPR": (
        "array_collid array_typeid element_typeid elements list_end list_start location multidims"
    ),
    "BOOLEANTEST": "arg booltesttype location",
    "BOOLEXPR": "args boolop location",
    "CASEEXPR": "arg args casecollid casetype defresult location",
    "CASETESTEXPR": "collation typeId typeMod",
    "CASEWHEN": "expr location result",
    "COALESCEEXPR": "args coalescecollid coalescetype location",
    "COERCETODOMAIN": "arg coercionformat location resultcollid resulttype resulttypmod",
    "COERCEVIAIO": "arg coerceformat location resultcollid resulttype",
    "COLLATEEXPR": "arg collOid location",
    "COMMONTABLEEXPR": (
        "aliascolnames ctecolcollations ctecolnames ctecoltypes ctecoltypmods ctematerialized "
        "ctename ctequery cterecursive cterefcount cycle_clause location search_clause"
    ),
    "CONST": (
        "constbyval constcollid constisnull constlen consttype consttypmod constvalue location"
    ),
    "CONVERTROWTYPEEXPR": "arg convertformat location resulttype",
    "CTECYCLECLAUSE": (
        "cycle_col_list cycle_mark_collation cycle_mark_column cycle_mark_default cycle_mark_neop "
        "cycle_mark_type cycle_mark_typmod cycle_mark_value cycle_path_column location"
    ),
    "CTESEARCHCLAUSE": "location search_breadth_first search_col_list search_seq_column",
    "CURRENTOFEXPR": "cursor_name cursor_param cvarno",
    "DISTINCTEXPR": "args inputcollid location opcollid opfuncid opno opresulttype opretset",
    "FIELDSELECT": "arg fieldnum resultcollid resulttype resulttypmod",
    "FIELDSTORE": "arg fieldnums newvals resulttype",
    "FROMEXPR": "fromlist quals",
    "FUNCEXPR": (
        "args funccollid funcformat funcid funcresulttype funcretset funcvariadic inputcollid "
        "location"
    ),
    "GROUPINGFUNC": "agglevelsup args cols location refs",
    "GROUPINGSET": "content kind location",
    "INFERENCEELEM": "expr infercollid inferopclass",
    "JOINEXPR": "alias isNatural join_using_alias jointype larg quals rarg rtindex usingClause",
    "JSONBEHAVIOR": "btype coerce expr location",
    "JSONCONSTRUCTOREXPR": "absent_on_null args coercion func location returning type unique",
    "JSONEXPR": (
        "collation column_name format formatted_expr location omit_quotes on_empty on_error op "
        "passing_names passing_values path_spec returning use_io_coercion use_json_coercion "
        "wrapper"
    ),
    "JSONFORMAT": "encoding format_type location",
    "JSONISPREDICATE": "expr format item_type location unique_keys",
    "JSONRETURNING": "format typid typmod",
    "JSONTABLEPATH": "name value",
    "JSONTABLEPATHSCAN": "child colMax colMin errorOnError path",
    "JSONTABLESIBLINGJOIN": "lplan rplan",
    "JSONVALUEEXPR": "format formatted_expr raw_expr",
    "MERGEACTION": "commandType matchKind matched override qual targetList updateColnos",
    "MERGESUPPORTFUNC": "location msfcollid msftype",
    "MINMAXEXPR": "args inputcollid location minmaxcollid minmaxtype op",
    "NAMEDARGEXPR": "arg argnumber location name",
    "NULLIFEXPR": "args inputcollid location opcollid opfuncid opno opresulttype opretset",
    "NULLTEST": "arg argisrow location nulltesttype",
    "ONCONFLICTEXPR": (
        "action arbiterElems arbiterWhere constraint exclRelIndex exclRelTlist onConflictSet "
        "onConflictWhere"
    ),
    "OPEXPR": "args inputcollid location opcollid opfuncid opno opresulttype opretset",
    "PARAM": "location paramcollid paramid paramkind paramtype paramtypmod",
    "QUERY": (
        "canSetTag commandType constraintDeps cteList distinctClause groupClause groupDistinct "
        "groupingSets hasAggs hasDistinctOn hasForUpdate hasGroupRTE hasModifyingCTE hasRecursive "
        "hasRowSecurity hasSubLinks hasTargetSRFs hasWindowFuncs havingQual isReturn jointree "
        "limitCount limitOffset limitOption mergeActionList mergeJoinCondition "
        "mergeTargetRelation mergeUseOuterJoin onConflict override querySource resultRelation "
        "returningList returningNewAlias returningOldAlias rowMarks rtable rteperminfos "
        "setOperations sortClause stmt_len stmt_location targetList utilityStmt windowClause "
        "withCheckOptions"
    ),
    "RANGETBLENTRY": (
        "alias checkAsUser colcollations coltypes coltypmods ctelevelsup ctename eref "
        "extraUpdatedCols funcordinality functions groupexprs inFromCl inh insertedCols "
        "join_using_alias joinaliasvars joinleftcols joinmergedcols joinrightcols jointype "
        "lateral perminfoindex relid relkind rellockmode requiredPerms rtekind securityQuals "
        "security_barrier selectedCols self_reference subquery tablefunc tablesample updatedCols "
        "values_lists"
    ),
    "RANGETBLFUNCTION": (
        "funccolcollations funccolcount funccolnames funccoltypes funccoltypmods funcexpr "
        "funcparams"
    ),
    "RANGETBLREF": "rtindex",
    "RELABELTYPE": "arg location relabelformat resultcollid resulttype resulttypmod",
    "ROWCOMPAREEXPR": "cmptype inputcollids largs opfamilies opnos rargs rctype",
    "ROWEXPR": "args colnames location row_format row_typeid",
    "ROWMARKCLAUSE": "pushedDown rti strength waitPolicy",
    "RTEPERMISSIONINFO": (
        "checkAsUser inh insertedCols relid requiredPerms selectedCols updatedCols"
    ),
    "SCALARARRAYOPEXPR": "args hashfuncid inputcollid location negfuncid opfuncid opno useOr",
    "SETOPERATIONSTMT": "all colCollations colTypes colTypmods groupClauses larg op rarg",
    "SETTODEFAULT": "collation location typeId typeMod",
    "SORTGROUPCLAUSE": "eqop hashable nulls_first reverse_sort sortop tleSortGroupRef",
    "SQLVALUEFUNCTION": "location op type typmod",
    "SUBLINK": "location operName subLinkId subLinkType subselect testexpr",
    "SUBSCRIPTINGREF": (
        "refassgnexpr refcollid refcontainertype refelemtype refexpr reflowerindexpr refrestype "
        "reftypmod refupperindexpr"
    ),
    "TABLEFUNC": (
        "colcollations coldefexprs colexprs colnames coltypes coltypmods colvalexprs docexpr "
        "functype location notnulls ns_names ns_uris ordinalitycol passingvalexprs plan rowexpr"
    ),
    "TABLESAMPLECLAUSE": "args repeatable tsmhandler",
    "TARGETENTRY": "expr resjunk resname resno resorigcol resorigtbl ressortgroupref",
    "VAR": (
        "location varattno varattnosyn varcollid varlevelsup varno varnosyn varnullingrels "
        "varreturningtype vartype vartypmod"
    ),
    "WINDOWCLAUSE": (
        "copiedOrder endInRangeFunc endOffset frameOptions inRangeAsc inRangeColl "
        "inRangeNullsFirst name orderClause partitionClause refname runCondition startInRangeFunc "
        "startOffset winref"
    ),
    "WINDOWFUNC": (
        "aggfilter args inputcollid location runCondition winagg wincollid winfnoid winref "
        "winstar wintype"
    ),
    "XMLEXPR": "arg_names args indent location name named_args op type typmod xmloption",
}
