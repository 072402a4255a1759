drop table webhook_dlq;
