"""What a shell proposes for a system, a query or a parameter; no server is asked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

from dbkit.errors import DbkitError
from dbkit.settings import System, load_settings

Proposal = tuple[str, str | None]
"""A word, and what it is."""


def complete_system(
    context: click.Context, argument: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Propose the systems of the project, each once."""
    known: Sequence[str] = ()
    if argument.nargs < 0:
        known = context.params.get(argument.name or "") or ()
    systems = _systems()
    return _beginning_with(incomplete, ((name, None) for name in systems if name not in known))


def complete_query(
    context: click.Context, argument: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Propose the queries of the system that stands before, with what they say of themselves."""
    del argument
    return _beginning_with(incomplete, _queries(context))


def complete_assignment(
    context: click.Context, argument: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Propose `NAME=` for each parameter of the query that has no value yet."""
    given = context.params.get(argument.name or "") or ()
    return _beginning_with(incomplete, _assignments(context, given))


# by their metavar: the name, how many there may be, and what proposes them
_ARGUMENTS = {
    "SYSTEM": ("name", 1, complete_system),
    "[SYSTEM]...": ("names", -1, complete_system),
    "SUBJECT.QUERY": ("query_name", 1, complete_query),
    "[NAME=VALUE]...": ("assignments", -1, complete_assignment),
}
# the commands that have no other arguments; their modules would load the driver
COMPLETED: Mapping[str, Sequence[str]] = {
    "migrate": ["[SYSTEM]..."],
    "status": ["[SYSTEM]..."],
    "rollback": ["SYSTEM"],
    "resume": ["SYSTEM"],
    "renumber": ["SYSTEM"],
    "call": ["SYSTEM", "SUBJECT.QUERY", "[NAME=VALUE]..."],
    "show": ["SYSTEM", "SUBJECT.QUERY"],
    "wait": ["SYSTEM"],
    "url": ["SYSTEM"],
    "generate": ["[SYSTEM]..."],
    "check": ["[SYSTEM]..."],
    "monitor": ["SYSTEM"],
    "prune": ["SYSTEM"],
    "backup": ["SYSTEM"],
    "adopt": ["SYSTEM"],
}


class ArgumentsAlone(click.Command):
    """A command as far as its arguments are completed: its module is not loaded."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Propose the options, which the command itself knows."""
        group = ctx.parent.command if ctx.parent else None
        if not isinstance(group, click.Group) or not incomplete.startswith("-"):
            return []
        command = group.get_command(ctx, self.name or "")
        return command.shell_complete(ctx, incomplete) if command else []


def without_module(words: Sequence[str]) -> click.Command | None:
    """Return a command that stands for the one called, if it is called without an option yet."""
    name = words[0]
    if name not in COMPLETED or any(word.startswith("-") for word in words):
        return None
    arguments: list[click.Parameter] = []
    for metavar in COMPLETED[name]:
        parameter, number, proposes = _ARGUMENTS[metavar]
        arguments.append(
            click.Argument([parameter], nargs=number, required=False, shell_complete=proposes)
        )
    return ArgumentsAlone(name, params=arguments)


def prepare_bash() -> None:
    """Keep bash from writing a space behind `NAME=`, where the value is to stand."""
    add_completion_class(_Bash, "bash")


class _Bash(BashComplete):
    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)",
        'COMPREPLY+=("$value"); [[ $value == *= ]] && compopt -o nospace',
    )


def _beginning_with(incomplete: str, proposals: Iterable[Proposal]) -> list[CompletionItem]:
    return [
        CompletionItem(value, help=about)
        for value, about in proposals
        if value.startswith(incomplete)
    ]


def _systems() -> Mapping[str, System]:
    try:
        return load_settings().systems
    except DbkitError:
        return {}


def _queries(context: click.Context) -> Iterator[Proposal]:
    # a system is proposed without reading queries
    from dbkit.queryfiles import examine_folder  # noqa: PLC0415

    system = _systems().get(str(context.params.get("name")))
    for query in examine_folder(system.sql, system.sql).queries if system else ():
        yield f"{query.subject}.{query.name}", query.documentation.partition("\n")[0] or None


def _assignments(context: click.Context, given: Sequence[str]) -> Iterator[Proposal]:
    from dbkit.queryfiles import examine_folder  # noqa: PLC0415

    system = _systems().get(str(context.params.get("name")))
    name = context.params.get("query_name")
    # bash cuts a word at its equals sign
    assigned = given[-2] if len(given) > 1 and given[-1] == "=" else ""
    known = {assignment.partition("=")[0] for assignment in given} - {assigned}
    for query in examine_folder(system.sql, system.sql).queries if system else ():
        if f"{query.subject}.{query.name}" != name:
            continue
        for choice in query.choices:
            if choice.name == assigned:
                yield from ((allowed, None) for allowed in choice.allowed)
            elif choice.name not in known and not assigned:
                yield from ((f"{choice.name}={allowed}", None) for allowed in choice.allowed)
        for parameter in query.parameters:
            if parameter.name not in known and not assigned:
                about = f"by default {parameter.default}" if parameter.default else None
                yield f"{parameter.name}=", about
