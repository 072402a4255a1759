-- Runs that webhooks started remain; the signing secrets are lost.

drop table webhooks;
