-- A digest has no way back to its token, so it stays. If 0018 runs again it must not hash a digest: so the first
-- session of a family no longer looks like one from before 0009, and the family stays together.

update sessions
set family_id = renamed.fresh
from (
    select
        first.id,
        gen_random_uuid() as fresh
    from sessions as first
    where first.family_id = first.id
) as renamed
where sessions.family_id = renamed.id;
