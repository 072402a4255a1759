-- Steps name their adapter in config, so nothing points here.

drop table adapters;
