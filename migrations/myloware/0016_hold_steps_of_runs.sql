-- A run could be published and running again afterwards, or be set to a status that is none, such as `runing`.
-- Here is what may follow on each status that the documents name; the trigger in sql/myloware/_objects holds it. Their
-- list ends in "etc.": on a status that is not here anything may follow. An application that has more of them adds the
-- step that leads there, and a row for the status itself if its steps are to be held as well:
--     update run_statuses set next_statuses = next_statuses || '{rendering}' where status = 'running';
-- Runs that are there keep the status they have.

create table run_statuses (
    status text,
    next_statuses text[] not null,
    constraint run_statuses_pkey primary key (status)
);

insert into run_statuses (status, next_statuses)
values
('pending_workflow', '{running,failed}'),
('running', '{pending_workflow,pending_ideate,pending_prepublish,published,failed}'),
('pending_ideate', '{running,failed}'),
('pending_prepublish', '{running,failed}'),
('published', '{}'),
('failed', '{}');
