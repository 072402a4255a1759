-- Who resumed which run is lost; the runs go on.

drop table run_resumptions;
