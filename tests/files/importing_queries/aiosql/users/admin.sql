-- name: list-authors
select name from authors where born is not distinct from :born or born = :born::date order by name, id;
