-- The aggregates are lost; what they were computed from remains.

drop table metrics;
