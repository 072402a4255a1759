-- Nobody reads it.

alter table venues drop column dropped;
