-- Refuses a retrieval trace that is not {query, docIds, similarities, persona, project} as documented, or not true:
-- every document has its similarity and exists, the persona is the artifact's and the project is its run's.
-- A document that is deleted later leaves the trace as it is: it says what was read then.

create or replace function check_retrieval_trace()
returns trigger
language plpgsql
as $$
declare
    trace constant jsonb := new.retrieval_trace;
    fault text;
begin
    if
        tg_op = 'UPDATE'
        and (new.type, new.run_id, new.persona, new.retrieval_trace)
        is not distinct from (old.type, old.run_id, old.persona, old.retrieval_trace)
    then
        return null;
    end if;

    fault := case
        when trace is null then
            'a retrieval.trace artifact needs one'
        when new.type = 'citations' then
            'it belongs to the artifact that is cited for, not to the citations'
        when jsonb_typeof(trace) <> 'object' then
            'it is no object'
        when jsonb_typeof(trace -> 'query') is distinct from 'string' or trace ->> 'query' = '' then
            'its query is no text'
        when jsonb_typeof(trace -> 'docIds') is distinct from 'array' then
            'its docIds are no list'
        when jsonb_typeof(trace -> 'similarities') is distinct from 'array' then
            'its similarities are no list'
        when jsonb_array_length(trace -> 'docIds') <> jsonb_array_length(trace -> 'similarities') then
            format(
                'it has %s docIds and %s similarities',
                jsonb_array_length(trace -> 'docIds'),
                jsonb_array_length(trace -> 'similarities')
            )
        when trace @? 'strict $.similarities[*] ? (@.type() != "number" || @ < -1 || @ > 1)' then
            'its similarities are not all numbers from -1 to 1'
        when jsonb_typeof(trace -> 'persona') is distinct from 'string' then
            'its persona is no text'
        when trace ->> 'persona' is distinct from new.persona then
            format('its persona is %L, the artifact''s is %L', trace ->> 'persona', new.persona)
        when jsonb_typeof(trace -> 'project') is distinct from 'string' then
            'its project is no text'
        when trace ->> 'project' <> (select run.project from runs as run where run.run_id = new.run_id) then
            format(
                'its project is %L, the run''s is %L',
                trace ->> 'project',
                (select run.project from runs as run where run.run_id = new.run_id)
            )
        else (
            select format('there is no document %L', min(doc_id))
            from jsonb_array_elements_text(trace -> 'docIds') as doc_id
            where not exists (
                select
                from kb_documents as document
                where
                    document.id = case
                        when doc_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then doc_id::uuid
                    end
            )
            having count(*) > 0
        )
    end;

    if fault is not null then
        raise check_violation using
            message = format('retrieval trace of artifact %s: %s', new.id, fault),
            table = tg_table_name,
            constraint = tg_name;
    end if;
    return null;
end;
$$;
