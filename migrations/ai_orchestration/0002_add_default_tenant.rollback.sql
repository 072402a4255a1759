-- Only the row this migration added; changes made to it since go with it.

delete from tenants
where id = '00000000-0000-0000-0000-000000000001';
