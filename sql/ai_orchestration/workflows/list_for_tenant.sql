-- One page of a tenant's workflows, last changed first; deleted ones are left out.
-- row: Workflow
-- :many
\if :{?max_workflows} \else \set max_workflows 20 \endif
\if :{?skipped} \else \set skipped 0 \endif
select
    workflow.id,
    workflow.tenant_id,
    workflow.name,
    workflow.description,
    workflow.status,
    workflow.version,
    workflow.input_schema,
    workflow.output_schema,
    workflow.created_by,
    workflow.published_at,
    workflow.created_at,
    workflow.updated_at,
    workflow.deleted_at
from workflows as workflow
where
    workflow.tenant_id = :'tenant_id'
    and workflow.deleted_at is null
order by workflow.updated_at desc, workflow.id
limit :'max_workflows' offset :'skipped';
