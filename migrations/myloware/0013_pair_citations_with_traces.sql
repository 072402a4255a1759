-- A retrieval trace "is always paired with a citations artifact", and nothing said which of a run's citations that is.
-- They name the trace's artifact as traceId, beside their list; a trace has one such sibling.
-- That it is there and agrees with the trace is seen to by the triggers in sql/myloware/_objects.

create unique index uq_artifacts_citations on artifacts ((metadata ->> 'traceId'))
where type = 'citations';
