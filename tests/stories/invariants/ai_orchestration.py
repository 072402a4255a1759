"""What holds in ai_orchestration at the end of a day, whatever happened."""

from tests.stories.telling import Invariant

INVARIANTS = (
    Invariant(
        "whoever logged in is one user of one tenant",
        """
        select came, array_agg(users.id)
        from unnest(%(emails)s::text[]) as came
        left join users on email = came and tenant_id = any(%(tenants)s::uuid[])
        group by came
        having count(users.id) <> 1
        """,
        "update users set email = email || '.'",
    ),
    Invariant(
        "the versions of a workflow have no gap, and the last is the present one",
        """
        select workflows.id, workflows.version, array_agg(published.version)
        from workflows
        inner join workflow_versions as published on workflow_id = workflows.id
        where workflows.id = any(%(workflows)s::uuid[])
        group by workflows.id
        having
            min(published.version) <> 2
            or max(published.version) <> workflows.version
            or count(*) <> workflows.version - 1
        """,
        "delete from workflow_versions where version = 3",
    ),
    Invariant(
        "every version holds what its publisher had edited, and the audit log names who that was",
        """
        select workflow_id, edited.version, editor
        from unnest(%(published)s::uuid[], %(versions)s::integer[], %(editors)s::integer[])
            as edited (workflow, version, editor)
        left join workflow_versions as published
            on
                workflow_id = workflow
                and published.version = edited.version
                and definition #> '{steps,0,config,by}' = to_jsonb(editor)
        left join audit_logs
            on
                resource_id = workflow_id
                and action = 'publish'
                and metadata -> 'version' = to_jsonb(edited.version)
        left join users on users.id = actor_id and users.tenant_id = audit_logs.tenant_id
        group by workflow_id, edited.version, editor
        having count(users.id) <> 1
        """,
        """
        update workflow_versions
        set definition = jsonb_set(definition, '{steps,0,config}', '{}')
        """,
    ),
    Invariant(
        "every edge of a version leads between two steps of it",
        """
        select workflow_id, version, edge
        from workflow_versions
        cross join jsonb_array_elements(definition -> 'edges') as edge
        where
            workflow_id = any(%(workflows)s::uuid[])
            and not jsonb_path_query_array(definition, '$.steps[*].id')
            @> jsonb_build_array(edge -> 'source_step_id', edge -> 'target_step_id')
        """,
        "update workflow_versions set definition = jsonb_set(definition, '{steps}', '[]')",
    ),
    Invariant(
        "no schedule fired twice for one time, and none was missed",
        """
        select schedules.id, run_count, count(runs.id), count(distinct runs.id)
        from schedules
        left join audit_logs
            on
                audit_logs.tenant_id = schedules.tenant_id
                and action = 'execute'
                and metadata ->> 'schedule_id' = schedules.id::text
        left join runs on runs.id = resource_id and triggered_by = 'schedule'
        where schedules.workflow_id = any(%(workflows)s::uuid[])
        group by schedules.id
        having
            run_count <> %(ticks)s
            or count(runs.id) <> %(ticks)s
            or count(distinct runs.id) <> %(ticks)s
        """,
        "update schedules set run_count = run_count + 1",
    ),
    Invariant(
        "every signed call started one run, and no other call started any",
        """
        select webhooks.id, trigger_count, count(runs.id), count(called)
        from webhooks
        left join runs on runs.workflow_id = webhooks.workflow_id and triggered_by = 'webhook'
        left join unnest(%(called)s::uuid[]) as called on called = runs.id
        where webhooks.workflow_id = any(%(workflows)s::uuid[])
        group by webhooks.id
        having trigger_count <> count(runs.id) or count(runs.id) <> count(called)
        """,
        "update webhooks set trigger_count = trigger_count + 1",
    ),
    Invariant(
        "every run that was asked for is there and over, and no other",
        """
        select wanted, run.id, status
        from unnest(%(asked)s::uuid[] || %(called)s::uuid[] || %(fired)s::uuid[]) as wanted
        full join (
            select * from runs where tenant_id = any(%(tenants)s::uuid[])
        ) as run on run.id = wanted
        where
            wanted is null
            or (status in ('completed', 'failed', 'cancelled')) is not true
            or completed_at is null
            or completed_at < started_at
            or started_at is null and status <> 'cancelled'
        """,
        "update runs set status = 'running'",
    ),
    Invariant(
        "the audit log has the beginning of every run once, and every cancellation",
        """
        select runs.id, status, array_agg(action)
        from runs
        left join audit_logs on resource_id = runs.id and resource_type = 'run'
        where runs.tenant_id = any(%(tenants)s::uuid[])
        group by runs.id
        having
            count(*) filter (where action = 'execute') <> 1
            or count(*) filter (where action = 'update') <> (status = 'cancelled')::integer
        """,
        """
        insert into audit_logs (tenant_id, action, resource_type, resource_id)
        select tenant_id, 'execute', 'run', id from runs
        """,
    ),
    Invariant(
        "the attempts at a step have no gap, and only after a failed one came another",
        """
        select run_id, step_name, attempts
        from (
            select
                run_id,
                step_name,
                array_agg(attempt order by attempt) as attempts,
                count(*) filter (where step_runs.status <> 'failed') as not_failed,
                bool_or(step_runs.status not in ('completed', 'failed')) as is_open,
                runs.status
            from step_runs
            inner join runs on runs.id = run_id
            where tenant_id = any(%(tenants)s::uuid[])
            group by run_id, step_id, step_name, block_group_run_id, runs.status
        ) as tried
        where
            attempts[cardinality(attempts)] <> cardinality(attempts)
            or not_failed > 1
            or is_open and status = 'completed'
        """,
        "update step_runs set attempt = attempt + 1",
    ),
    Invariant(
        "what is completed has done every step of its version, and those of the loop in each pass",
        """
        select runs.id, step
        from runs
        inner join workflow_versions as published
            on published.workflow_id = runs.workflow_id and version = workflow_version
        cross join jsonb_array_elements(definition -> 'steps') as step
        left join step_runs
            on
                run_id = runs.id
                and step_id::text = step ->> 'id'
                and step_runs.status = 'completed'
        where runs.tenant_id = any(%(tenants)s::uuid[]) and runs.status = 'completed'
        group by runs.id, step
        having
            count(step_runs.id)
            <> case when step ->> 'block_group_id' is null then 1 else %(passes)s end
        """,
        "update step_runs set status = 'failed' where step_name = 'report'",
    ),
    Invariant(
        "a tenant never has more runs at once than its settings allow",
        """
        select one.id, count(other.id)
        from runs as one
        inner join runs as other
            on
                other.tenant_id = one.tenant_id
                and other.started_at <= one.started_at
                and other.completed_at > one.started_at
                -- one whose worker died does not count while nobody has it
                and other.attempts = 1
                and other.status <> 'cancelled'
        where one.tenant_id = any(%(tenants)s::uuid[])
        group by one.id
        having count(other.id) > %(limit)s
        """,
        "update runs set completed_at = completed_at + interval '1 day'",
    ),
    Invariant(
        "every secret is kept under the new key, each of them once",
        """
        select count(*)
        from secrets
        where tenant_id = any(%(tenants)s::uuid[]) and starts_with(encrypted_value, 'v1.new.')
        having count(*) <> %(secrets)s
        """,
        "update secrets set encrypted_value = replace(encrypted_value, '.new.', '.old.')",
    ),
    Invariant(
        "every tenant saw all its runs, and none of another's",
        """
        select tenant_id, id, seen_by
        from (select * from runs where tenant_id = any(%(tenants)s::uuid[])) as run
        full join unnest(%(seen_by)s::uuid[], %(seen)s::uuid[]) as seen (seen_by, run_id)
            on run_id = id
        where seen_by is distinct from tenant_id
        """,
        """
        set local session_replication_role = replica;
        update runs set tenant_id = (select min(id::text)::uuid from tenants)
        """,
    ),
)
