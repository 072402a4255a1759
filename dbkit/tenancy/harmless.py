"""The server's own functions, views and catalogs that show and change nothing of another tenant's.

The lists say what is harmless, not what is harmful, so that what a new server brings is named. An
immutable function reads nothing, so only stable and volatile ones are listed.
"""

from typing import Final

# they tell of values that they are given, of the clock, of the session that asks, and of what is
# declared in the schema; the numbers of a sequence and of transactions are everybody's, a lock or
# a notification changes no row, and large objects, files, settings, statistics and sizes are not
# here; nor are functions that run a query given as text or read a table given by its name
_FUNCTIONS = """
    aclexplode aclitemin aclitemout age anyarray_out anycompatiblearray_out
    anycompatiblemultirange_out anycompatiblerange_out anyenum_out anymultirange_out anyrange_out
    anytextcat array_in array_out array_recv array_sample array_send array_shuffle array_to_json
    array_to_string bernoulli bpcharrecv bpcharsend cash_in cash_out clock_timestamp
    col_description concat concat_ws convert convert_from convert_to cstring_recv cstring_send
    current_database current_query current_schema current_schemas current_setting current_user
    currval date date_add date_cmp_timestamptz date_eq_timestamptz date_ge_timestamptz
    date_gt_timestamptz date_in date_le_timestamptz date_lt_timestamptz date_ne_timestamptz
    date_out date_part date_subtract date_trunc domain_in domain_recv enum_first enum_in enum_last
    enum_out enum_range enum_recv enum_send extract format format_type gen_random_uuid
    generate_series get_current_ts_config getdatabaseencoding getpgusername
    has_any_column_privilege has_column_privilege has_database_privilege
    has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
    has_parameter_privilege has_schema_privilege has_sequence_privilege has_server_privilege
    has_table_privilege has_tablespace_privilege has_type_privilege in_range inet_client_addr
    inet_client_port inet_server_addr inet_server_port interval_in interval_out
    interval_pl_timestamptz json_agg json_agg_strict json_agg_strict_transfn json_agg_transfn
    json_build_array json_build_object json_object_agg json_object_agg_strict
    json_object_agg_strict_transfn json_object_agg_transfn json_object_agg_unique
    json_object_agg_unique_strict json_object_agg_unique_strict_transfn
    json_object_agg_unique_transfn json_populate_record json_populate_recordset json_to_record
    json_to_recordset json_to_tsvector jsonb_agg jsonb_agg_finalfn jsonb_agg_strict
    jsonb_agg_strict_transfn jsonb_agg_transfn jsonb_build_array jsonb_build_object
    jsonb_object_agg_finalfn jsonb_object_agg_strict_transfn jsonb_object_agg_transfn
    jsonb_object_agg_unique_strict_transfn jsonb_object_agg_unique_transfn jsonb_path_exists_tz
    jsonb_path_match_tz jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_path_query_tz
    jsonb_populate_record jsonb_populate_record_valid jsonb_populate_recordset jsonb_to_record
    jsonb_to_recordset jsonb_to_tsvector lastval length make_timestamptz money multirange_in
    multirange_out multirange_recv multirange_send namerecv namesend nextval now numeric
    obj_description oidvectortypes overlaps phraseto_tsquery plainto_tsquery quote_literal
    quote_nullable random random_normal range_in range_out range_recv range_send record_in
    record_out record_recv record_send regclass regclassin regclassout regcollationin
    regcollationout regconfigin regconfigout regdictionaryin regdictionaryout regnamespacein
    regnamespaceout regoperatorin regoperatorout regoperin regoperout regprocedurein
    regprocedureout regprocin regprocout regrolein regroleout regtypein regtypeout
    row_security_active row_to_json session_user setseed shobj_description statement_timestamp
    system system_user textanycat textrecv textsend time time_in timeofday timestamp
    timestamp_cmp_timestamptz timestamp_eq_timestamptz timestamp_ge_timestamptz
    timestamp_gt_timestamptz timestamp_in timestamp_le_timestamptz timestamp_lt_timestamptz
    timestamp_ne_timestamptz timestamp_out timestamptz timestamptz_cmp_date
    timestamptz_cmp_timestamp timestamptz_eq_date timestamptz_eq_timestamp timestamptz_ge_date
    timestamptz_ge_timestamp timestamptz_gt_date timestamptz_gt_timestamp timestamptz_in
    timestamptz_le_date timestamptz_le_timestamp timestamptz_lt_date timestamptz_lt_timestamp
    timestamptz_mi_interval timestamptz_ne_date timestamptz_ne_timestamp timestamptz_out
    timestamptz_pl_interval timetz timetz_in timezone to_char to_date to_json to_jsonb to_number
    to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc
    to_regprocedure to_regrole to_regtype to_regtypemod to_timestamp to_tsquery to_tsvector
    transaction_timestamp ts_debug ts_headline ts_match_tq ts_match_tt ts_parse ts_token_type
    txid_current txid_current_if_assigned txid_current_snapshot uuidv4 uuidv7 varcharrecv
    varcharsend version websearch_to_tsquery xml xml_in xml_is_well_formed xml_recv xml_send

    pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all
    pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
    pg_available_extension_versions pg_available_extensions pg_backend_pid pg_basetype
    pg_char_to_encoding pg_client_encoding pg_collation_actual_version pg_collation_for
    pg_collation_is_visible pg_column_compression pg_column_is_updatable pg_column_size
    pg_conf_load_time pg_config pg_conversion_is_visible pg_current_snapshot pg_current_xact_id
    pg_current_xact_id_if_assigned pg_database_collation_actual_version pg_describe_object
    pg_encoding_to_char pg_extension_update_paths pg_function_is_visible pg_get_acl
    pg_get_catalog_foreign_keys pg_get_constraintdef pg_get_expr pg_get_function_arg_default
    pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
    pg_get_function_sqlbody pg_get_functiondef pg_get_indexdef pg_get_keywords
    pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef
    pg_get_publication_tables pg_get_replica_identity_index pg_get_ruledef pg_get_serial_sequence
    pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions
    pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object
    pg_identify_object_as_address pg_index_column_has_property pg_index_has_property
    pg_indexam_has_property pg_input_error_info pg_input_is_valid pg_is_in_recovery
    pg_is_other_temp_schema pg_jit_available pg_listening_channels pg_my_temp_schema pg_notify
    pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_options_to_table
    pg_partition_ancestors pg_partition_tree pg_postmaster_start_time pg_relation_is_publishable
    pg_relation_is_updatable pg_sequence_parameters pg_settings_get_flags pg_show_all_settings
    pg_sleep pg_sleep_for pg_sleep_until pg_statistics_obj_is_visible pg_table_is_visible
    pg_timezone_abbrevs pg_timezone_abbrevs_abbrevs pg_timezone_abbrevs_zone pg_timezone_names
    pg_trigger_depth pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock
    pg_try_advisory_xact_lock_shared pg_ts_config_is_visible pg_ts_dict_is_visible
    pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible pg_typeof

    _pg_index_position
"""
HARMLESS_FUNCTIONS: Final = frozenset(_FUNCTIONS.split())

# the same of the extensions that come with PostgreSQL
HARMLESS_OF_EXTENSIONS: Final = {
    "citext": frozenset({"citextrecv", "citextsend"}),
    "intagg": frozenset({"int_agg_final_array", "int_agg_state"}),
    "pg_trgm": frozenset(
        {
            "set_limit", "show_limit", "similarity_op", "strict_word_similarity_commutator_op",
            "strict_word_similarity_op", "word_similarity_commutator_op", "word_similarity_op",
        }
    ),
    "pgcrypto": frozenset(
        {
            "gen_random_bytes", "gen_random_uuid", "gen_salt", "pgp_pub_encrypt",
            "pgp_pub_encrypt_bytea", "pgp_sym_encrypt", "pgp_sym_encrypt_bytea",
        }
    ),
    "tablefunc": frozenset({"normal_rand"}),
    "unaccent": frozenset({"unaccent"}),
    "uuid-ossp": frozenset({"uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4"}),
}  # fmt: skip

# what is declared: the schema, roles and rights, and the settings of the server; pg_stats and
# pg_statistic hold values of all rows, pg_stat_activity and its like the statements of others
_CATALOGS = """
    pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members
    pg_available_extension_versions pg_available_extensions pg_cast pg_class pg_collation
    pg_config pg_constraint pg_conversion pg_database pg_db_role_setting pg_default_acl pg_depend
    pg_description pg_enum pg_event_trigger pg_extension pg_foreign_data_wrapper
    pg_foreign_server pg_foreign_table pg_group pg_index pg_indexes pg_inherits pg_init_privs
    pg_language pg_matviews pg_namespace pg_opclass pg_operator pg_opfamily pg_parameter_acl
    pg_partitioned_table pg_policies pg_policy pg_proc pg_publication pg_publication_namespace
    pg_publication_rel pg_publication_tables pg_range pg_rewrite pg_roles pg_rules pg_seclabel
    pg_seclabels pg_sequence pg_settings pg_shdepend pg_shdescription pg_shseclabel
    pg_statistic_ext pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names pg_transform
    pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict pg_ts_parser pg_ts_template pg_type
    pg_user pg_views
"""
HARMLESS_CATALOGS: Final = frozenset(_CATALOGS.split())
