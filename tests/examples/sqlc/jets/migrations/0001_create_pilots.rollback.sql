drop table pilot_languages;

drop table languages;

drop table jets;

drop table pilots;
