"""A group of commands that says which command was probably meant."""

import click

from dbkit.errors import nearest


class Group(click.Group):
    """A group that answers a mistyped name with the nearest one it has."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command called, or name the nearest one."""
        names = self.list_commands(ctx)
        is_completed = ctx.resilient_parsing
        if args and not is_completed and args[0] not in names and not args[0].startswith("-"):
            meant = nearest(args[0], names) or f"; commands: {', '.join(names)}"
            ctx.fail(f"no such command {args[0]!r}{meant}")
        return super().resolve_command(ctx, args)
