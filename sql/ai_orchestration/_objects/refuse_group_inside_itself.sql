-- Refuses to put a block group into itself or into a group inside it, where no one would ever find it.
-- The workflow is locked first, so that two groups cannot be put into each other at the same instant.

create or replace function refuse_group_inside_itself()
returns trigger
language plpgsql
as $$
begin
    perform
    from workflows as workflow
    where workflow.id = new.workflow_id
    for no key update;

    if exists (
        with recursive around (id) as (
            select new.parent_group_id

            union

            select outer_group.parent_group_id
            from around
            inner join block_groups as outer_group on around.id = outer_group.id
        )

        select
        from around
        where around.id = new.id
    ) then
        raise check_violation using
            message = format('block group %s cannot be inside itself', new.id),
            constraint = 'block_groups_nesting',
            table = 'block_groups';
    end if;
    return new;
end;
$$;
