"""Have the server parse statements, and analyse them as the body of a function that is undone."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from secrets import token_hex
from typing import Any, NamedTuple

import psycopg

from dbkit.analysis.catalog import ASKING_BUILTINS, Catalog
from dbkit.analysis.knownnodes import unknown_part
from dbkit.analysis.lostproof import LossCause, LostProof, Untyped, not_known
from dbkit.analysis.nodes import Node, read_nodes
from dbkit.analysis.oids import RECORDOID
from dbkit.analysis.placeholders import MAX_PARAMETERS, Parameters, Place, move_back, moved
from dbkit.analysis.placement import is_of_the_session, placement_of
from dbkit.analysis.roundtrip import Answers, Command, command, describing, parsing, text_encoding
from dbkit.analysis.typecatalog import COMMON_TYPES, TypeCatalog
from dbkit.analysis.undoing import Undone, undone
from dbkit.errors import SourceError
from dbkit.pgtypes import PgType, TypeKind, type_name
from dbkit.sqltext import BLANK, tokens

# statements that are analysed together: more would be more memory, and hardly less time
_TOGETHER = 40
_LONGEST_TOGETHER = 1 << 17
# what a statement with an analysed tree begins with; any other is a command of PostgreSQL's
_QUERIES = frozenset(
    {"select", "with", "insert", "update", "delete", "merge", "values", "table", "("}
)
_NOT_ONE = LostProof(LossCause.REFUSED, "it is not one query")
_TOO_MANY = LostProof(
    LossCause.PARAMETERS,
    f"a function takes {MAX_PARAMETERS} parameters at most, and this needs more",
    "pass several of them as one array",
)
# the class of SQLSTATE for what is too long, too deep or too much
_TOO_COMPLEX = "54"
_NO_RECORD = "(null::pg_catalog.record)"
_COMPARISONS = frozenset({"OPEXPR", "DISTINCTEXPR", "SCALARARRAYOPEXPR"})
_TYPE_FIELDS = {
    "VAR": "vartype",
    "PARAM": "paramtype",
    "FUNCEXPR": "funcresulttype",
    "ROWEXPR": "row_typeid",
}
# compiling what is asked of the catalog would take longer than the answer
_SETTINGS = (
    "select pg_catalog.set_config('check_function_bodies', 'off', true), "
    "pg_catalog.set_config('jit', 'off', true)"
)
_BODY = "select prosqlbody::text from pg_catalog.pg_proc where proname = $1"


class Signature(NamedTuple):
    """The types of a statement's parameters, and the names and types of its columns."""

    parameters: list[int]
    columns: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the server understands of one statement: nothing else has to be asked to prove it."""

    text: str
    signature: Signature
    # its analysed tree, or why there is none
    query: Node | LostProof


@dataclass(slots=True)
class _Statement:
    text: str
    # what is known of it so far
    signature: Signature | None = None
    tree: Node | LostProof | None = None
    error: psycopg.Error | None = None
    # where the function has its parameters
    places: Sequence[Place] = ()
    body: str | None = None

    @property
    def types(self) -> list[int]:
        return self.signature.parameters if self.signature else []


class _Function:
    """The statements that one function is made of."""

    def __init__(
        self,
        statements: list[_Statement] | None = None,
        parameters: Parameters | None = None,
    ) -> None:
        self.statements = statements if statements is not None else []
        self.parameters = parameters if parameters is not None else Parameters()
        self.length = 0

    def lose(self, lost: LostProof) -> None:
        """Let nothing be proved of any of them."""
        for statement in self.statements:
            statement.tree = lost


def analyse(connection: psycopg.Connection[Any], catalog: Catalog, text: str) -> Analysis:
    """Have the server analyse a statement; what it refuses is raised.

    The statement is not executed, and what is done to analyse it is undone.
    """
    with closing(analyse_each(connection, catalog, [text])) as analysed:
        [analysis] = analysed
    if isinstance(analysis, psycopg.Error):
        raise analysis
    return analysis


def analyse_each(
    connection: psycopg.Connection[Any], catalog: Catalog, texts: Iterable[str]
) -> Generator[Analysis | psycopg.Error]:
    """Have the server analyse many statements, and give each analysis or the server's error.

    While the caller looks at one, a transaction is open in which the relations that it names are
    as they were when it was analysed. All is undone.
    """
    remaining = iter(texts)
    while statements := [_Statement(text) for text in islice(remaining, _TOGETHER)]:
        with undone(connection) as attempt:
            _Probe(attempt, catalog).analyse(statements)
            for statement in statements:
                if statement.error is not None:
                    yield statement.error
                elif statement.signature is not None and statement.tree is not None:
                    yield Analysis(statement.text, statement.signature, statement.tree)


class _Probe:
    """The statements of one transaction are parsed, and analysed in as few functions as may be."""

    def __init__(self, attempt: Undone, catalog: Catalog) -> None:
        self._attempt = attempt
        self._catalog = catalog
        self._placement = placement_of(catalog)
        self._types = TypeCatalog(attempt.connection, catalog)
        self._encoding = text_encoding(attempt.connection)
        setting = attempt.connection.pgconn.parameter_status(b"standard_conforming_strings")
        self._standard_strings = setting != b"off"

    def analyse(self, statements: Sequence[_Statement]) -> None:
        """Find the signature and the tree of each statement, or why there is none."""
        self._parse(statements)
        parsed = [statement for statement in statements if statement.signature is not None]
        self._types.know(oid for statement in parsed for oid in statement.types)
        for statement in parsed:
            statement.tree = self._impossible(statement)
        for function in self._functions(one for one in parsed if one.tree is None):
            self._read_trees(function)
        if parsed:
            # what was refused last is undone before the caller asks anything
            self._attempt.mend()

    def _parse(self, statements: Sequence[_Statement]) -> None:
        first: list[Command] = []
        if not self._catalog.knows_builtins:
            first.append(command(ASKING_BUILTINS))
        if self._types.is_empty:
            first.append(command(COMMON_TYPES))
        waiting: list[tuple[_Statement, bytes]] = []
        for statement in statements:
            encoded = self._encoded(statement)
            if encoded is not None:
                waiting.append((statement, encoded))
        while waiting:
            commands = [sent for _, text in waiting for sent in (parsing(text), describing())]
            answers = self._attempt.exchange([*first, *commands])
            refused = answers.refused
            if first and (refused is None or refused >= len(first)):
                self._keep(answers)
            elif first and refused is not None:
                raise answers.error(refused)
            start, first = len(first), []
            count = len(waiting) if refused is None else (refused - start) // 2
            for number, (statement, _) in enumerate(waiting[:count]):
                statement.signature = self._signature(answers, start + 2 * number + 1)
            if refused is not None:
                waiting[count][0].error = answers.error(refused)
            waiting = waiting[count + 1 :]

    def _encoded(self, statement: _Statement) -> bytes | None:
        message = "a statement cannot contain NUL (0x00)" if "\0" in statement.text else ""
        try:
            encoded = statement.text.encode(self._encoding)
        except UnicodeEncodeError as error:
            message, encoded = f"the connection cannot send it: {error}", b""
        if message:
            statement.error = psycopg.DataError(message)
            return None
        return encoded

    def _keep(self, answers: Answers) -> None:
        number = 0
        if not self._catalog.knows_builtins:
            self._catalog.keep_builtins(answers, number)
            number += 1
        if self._types.is_empty:
            self._types.keep(answers.rows(number))

    def _signature(self, answers: Answers, number: int) -> Signature:
        result = answers[number]
        return Signature(
            [result.param_type(position) for position in range(result.nparams)],
            [
                ((result.fname(position) or b"").decode(self._encoding), result.ftype(position))
                for position in range(result.nfields)
            ],
        )

    def _impossible(self, statement: _Statement) -> LostProof | None:
        """Say why a statement has no tree, if that is known before the server is asked."""
        word = _first_word(statement.text)
        if word not in _QUERIES:
            return LostProof(LossCause.UTILITY, f"PostgreSQL keeps no tree of `{word}`")
        for number, oid in enumerate(statement.types, start=1):
            if _is_pseudo(self._types.find(oid)):
                return self._untyped(statement, number)
        return None

    def _functions(self, statements: Iterable[_Statement]) -> Iterator[_Function]:
        """Put statements together whose parameters one function can have."""
        function = _Function()
        for statement in statements:
            if function.statements and not self._place(statement, function):
                yield function
                function = _Function()
            if statement.body is None and not self._place(statement, function):
                statement.tree = _TOO_MANY
        if function.statements:
            yield function

    def _place(self, statement: _Statement, function: _Function) -> bool:
        """Give a statement its places among the parameters of a function, if there are any."""
        if function.statements and function.length + len(statement.text) > _LONGEST_TOGETHER:
            return False
        places = function.parameters.places(statement.types)
        if places is None and not function.statements:
            # more than a function has: many of one type are then one array
            kinds = {oid: self._types.find(oid).kind for oid in statement.types}
            carried = frozenset(oid for oid, kind in kinds.items() if kind is not TypeKind.ARRAY)
            places = function.parameters.places(statement.types, carried)
        if places is None:
            return False
        body = moved(statement.text, places, standard_strings=self._standard_strings)
        if body is None:
            return False
        statement.places, statement.body = places, body
        function.statements.append(statement)
        function.length += len(statement.text)
        return True

    def _read_trees(self, function: _Function) -> None:
        """Have the server analyse all statements of a function, or find those that it refuses."""
        if self._placement.lost is not None:
            function.lose(self._placement.lost)
            return
        name = f"dbkit_probe_{token_hex(8)}"
        creating = self._creating(function, name)
        texts = "\n".join(statement.text for statement in function.statements)
        # what the trees name is asked for as well, unless most of it is known
        is_fresh = self._catalog.is_empty
        asking = self._catalog.asking((), name, texts) if is_fresh else []
        answers = self._attempt.exchange([*creating, command(_BODY, name), *asking])
        if (refused := answers.refused) is not None:
            self._find_refused(function, answers.error(refused))
            return
        [(body,)] = answers.rows(len(creating))
        queries = read_nodes(body)
        if is_fresh:
            self._catalog.keep(answers, len(creating) + 1)
        elif relations := self._catalog.unknown(queries):
            answers = self._attempt.exchange(self._catalog.asking(relations, name, texts))
            if (refused := answers.refused) is not None:
                raise answers.error(refused)
            self._catalog.keep(answers)
        if len(queries) == len(function.statements):
            for statement, query in zip(function.statements, queries, strict=True):
                unknown = unknown_part(query)
                move_back(query, statement.places)
                statement.tree = not_known(unknown) if unknown else query
        elif not self._halve(function):
            function.lose(_NOT_ONE)

    def _find_refused(self, function: _Function, error: psycopg.Error) -> None:
        is_too_complex = (error.sqlstate or "").startswith(_TOO_COMPLEX)
        if isinstance(error, psycopg.OperationalError) and not is_too_complex:
            # a lock, a time limit, a server that goes away: no text is at fault
            for statement in function.statements:
                statement.error = error
        elif is_of_the_session(error):
            lost = self._placement.refused(self._attempt, error)
            if lost is None:
                self._read_trees(function)
            else:
                function.lose(lost)
        elif not self._halve(function):
            cause = LossCause.DEPTH if is_too_complex else LossCause.REFUSED
            function.lose(LostProof(cause, error.diag.message_primary or str(error)))

    def _halve(self, function: _Function) -> bool:
        half = len(function.statements) // 2
        for statements in (function.statements[:half], function.statements[half:]):
            if half:
                self._read_trees(_Function(statements, function.parameters))
        return bool(half)

    def _creating(self, function: _Function, name: str) -> list[Command]:
        types = ", ".join(
            f"{_sql_name(self._types.find(oid))}{'[]' if is_array else ''}"
            for oid, is_array in function.parameters.types
        )
        body = "\n;".join(statement.body or "" for statement in function.statements)
        # the server keeps such a body as a tree; unless bodies are checked, the function may
        # return another type than it declares
        declaration = f"({types}) returns void language sql begin atomic\n{body}\n;end"
        creating = self._placement.creating(name, declaration)
        texts = [_SETTINGS, *creating]
        return [command(text, encoding=self._encoding) for text in texts]

    def _untyped(self, statement: _Statement, number: int) -> LostProof:
        """Say which parameter has no type of its own, and what to cast it to."""
        name = type_name(self._types.find(statement.types[number - 1]))
        meant = self._meant(statement) or "the_type"
        return LostProof(
            LossCause.RECORD,
            f"parameter {number} has the type {name}, which no value is of",
            f"cast it, as in ${number}::{meant}",
            Untyped(number, name, meant),
        )

    def _meant(self, statement: _Statement) -> str:
        """Name the row type that the parameters without one are compared with, if it is one."""
        untyped = [_is_pseudo(self._types.find(oid)) for oid in statement.types]
        if statement.types.count(RECORDOID) != sum(untyped):
            return ""
        kept = [oid for oid in statement.types if oid != RECORDOID]
        places = iter(Parameters().places(kept) or [])
        texts = [_NO_RECORD if is_untyped else str(next(places, "")) for is_untyped in untyped]
        body = moved(statement.text, texts, standard_strings=self._standard_strings)
        if body is None:
            return ""
        probe = _Statement(statement.text, Signature(kept, []), body=body)
        parameters = Parameters()
        probe.places = parameters.places(kept) or []
        self._read_trees(_Function([probe], parameters))
        if not isinstance(probe.tree, Node):
            return ""
        types = {*_compared_with_record(probe.tree)}
        return type_name(self._types.find(types.pop())) if len(types) == 1 else ""


def _first_word(text: str) -> str:
    with suppress(SourceError):
        for token in tokens(text):
            if token.kind not in BLANK:
                return text[token.start : token.end].lower()
    return ""


def _compared_with_record(query: Node) -> Iterator[int]:
    """Yield the types of what is compared with a null of type record."""
    for node in query.walk():
        arguments = node.children("args") if node.kind in _COMPARISONS else []
        if any(_is_null_record(argument) for argument in arguments):
            for argument in arguments:
                if type_oid := argument.number(_TYPE_FIELDS.get(argument.kind, "")):
                    yield type_oid


def _is_null_record(node: Node) -> bool:
    return node.kind == "CONST" and node.number("consttype") == RECORDOID


def _is_pseudo(type_: PgType) -> bool:
    while type_.kind is TypeKind.ARRAY and type_.of is not None:
        type_ = type_.of
    return type_.kind is TypeKind.PSEUDO


def _sql_name(type_: PgType) -> str:
    """Name a type so that no search path matters."""
    return ".".join('"{}"'.format(name.replace('"', '""')) for name in (type_.schema, type_.name))
