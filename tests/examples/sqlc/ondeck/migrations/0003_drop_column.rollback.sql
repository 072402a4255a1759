alter table venues add column dropped text;
