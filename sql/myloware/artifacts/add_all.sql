-- Records all that one step has made, such as the clips of a video; the ids come in the order of the artifacts.
-- One with the checksum of an artifact of this type and run is that artifact, and gives its id: a step may be retried.
-- :batch
insert into artifacts (run_id, type, provider, metadata, url, persona, checksum)
values (:'run_id', :'type', :'provider', :'metadata', :'url', :'persona', :'checksum')
on conflict (run_id, type, checksum) where checksum is not null
do update set checksum = excluded.checksum
returning id;
