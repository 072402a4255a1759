drop table notes, events, runs;
