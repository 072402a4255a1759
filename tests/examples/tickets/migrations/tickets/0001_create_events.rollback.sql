drop table bookings;

drop table events;
