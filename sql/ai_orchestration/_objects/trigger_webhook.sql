-- Starts a run for a call whose signature was verified, or gives the run that the same call has started before.
-- The webhook is locked first: the statement after the lock sees a run that was committed while it waited.
-- A call is the same if the sender's id of it is, or if what was signed is.

create or replace function trigger_webhook(
    of_tenant uuid, of_webhook uuid, with_payload jsonb, with_delivery text default null, with_digest text default null
)
returns table (
    started_id uuid,
    started_workflow uuid,
    started_version integer,
    started_status varchar,
    started_input jsonb,
    started_time timestamptz,
    is_first boolean
)
language plpgsql
as $$
declare
    called record;
    started uuid;
    is_new boolean = false;
begin
    select
        webhook.workflow_id,
        webhook.input_mapping,
        webhook.enabled
    into called
    from webhooks as webhook
    where
        webhook.id = of_webhook
        and webhook.tenant_id = of_tenant
        and webhook.deleted_at is null
    for no key update;

    if not found then
        return;
    end if;

    select run.id
    into started
    from runs as run
    where
        run.webhook_id = of_webhook
        and run.tenant_id = of_tenant
        and (run.delivery_id = with_delivery or run.call_digest = with_digest)
    order by run.created_at, run.id
    limit 1;

    if started is null then
        insert into runs (
            tenant_id, workflow_id, workflow_version, triggered_by, input, webhook_id, delivery_id, call_digest
        )
        select
            of_tenant,
            workflow.id,
            workflow.version,
            'webhook',
            case
                when called.input_mapping is null then with_payload
                else coalesce((
                    select
                        jsonb_object_agg(
                            mapped.name,
                            jsonb_path_query_first(with_payload, mapped.path::jsonpath, '{}', true)
                        )
                    from jsonb_each_text(called.input_mapping) as mapped (name, path)
                ), '{}')
            end,
            of_webhook,
            with_delivery,
            with_digest
        from workflows as workflow
        inner join tenants as tenant on workflow.tenant_id = tenant.id
        where
            workflow.id = called.workflow_id
            and workflow.tenant_id = of_tenant
            and workflow.status = 'published'
            and workflow.deleted_at is null
            and tenant.deleted_at is null
            and called.enabled
        returning id into started;

        if started is null then
            return;
        end if;

        is_new = true;

        update webhooks
        set
            trigger_count = trigger_count + 1,
            last_triggered_at = now()
        where id = of_webhook;

        insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
        values (
            of_tenant,
            'execute',
            'run',
            started,
            jsonb_build_object('webhook_id', of_webhook, 'workflow_id', called.workflow_id)
        );
    end if;

    return query
    select
        run.id,
        run.workflow_id,
        run.workflow_version,
        run.status,
        run.input,
        run.created_at,
        is_new
    from runs as run
    where run.id = started;
end;
$$;
