-- name: q0 :exec
begin;
-- name: q1 :exec
start transaction read only;
-- name: q2 :exec
COMMIT and chain;
-- name: q3 :exec
end;
-- name: q4 :exec
rollback to savepoint here;
-- name: q5 :exec
abort;
-- name: q6 :exec
savepoint here;
-- name: q7 :exec
release here;
-- name: q8 :exec
prepare transaction 'x';
-- name: q9 :exec
set transaction isolation level serializable;
-- name: q10 :exec
set local transaction read only;
-- name: q11 :exec
set session characteristics as transaction read only;
-- name: q12 :exec
set search_path to shop;
-- name: q13 :exec
set session authorization ada;
-- name: q14 :exec
set role ada;
-- name: q15 :exec
set time zone 'UTC';
-- name: q16 :exec
reset all;
-- name: q17 :exec
discard all;
-- name: q18 :exec
prepare find as select 1;
-- name: q19 :exec
execute find(1);
-- name: q20 :exec
deallocate all;
-- name: q21 :exec
declare c cursor with hold for select 1;
-- name: q22 :exec
fetch all from c;
-- name: q23 :exec
move 1 in c;
-- name: q24 :exec
close all;
-- name: q25 :exec
listen runs;
-- name: q26 :exec
unlisten *;
-- name: q27 :exec
load 'auto_explain';
