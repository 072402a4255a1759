-- A project could have two primary accounts, or the same account twice, and what it published went to either.
-- Two that are there already end this with an error that names the project, and nothing is deleted for it.
-- The first rule is no unique index: that is checked row by row, so that no statement could pass the mark from one link
-- to the next; this one is checked when the statement has ended.

alter table project_socials
    add constraint project_socials_one_primary
    exclude using btree (project with =) where (is_primary) deferrable initially immediate,
    add constraint uq_project_socials_link unique (project, social_id);
