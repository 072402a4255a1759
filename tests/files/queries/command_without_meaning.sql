-- :many
select 1
\when :{?x}
, :'x'
\else
, 2
\end
;
