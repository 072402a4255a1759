-- Every webhook's input mapping is read before it is stored, whoever writes it.

create or replace trigger check_webhook_input_mapping
before insert or update of input_mapping on webhooks
for each row
execute function check_input_mapping();
