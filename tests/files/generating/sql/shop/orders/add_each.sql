-- Add orders, and say which numbers they got.
-- :batch
\if :{?state} \else \set state open \endif
insert into orders (customer, state, payload) values (:'customer', :'state', :'payload') returning id;
