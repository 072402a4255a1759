-- Edges first: they point at their steps. Published snapshots keep both.

drop table edges;
drop table steps;
