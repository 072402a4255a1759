"""Functions of well-known extensions that never return null where no argument is null."""

from typing import LiteralString

from dbkit.analysis.catalog import Catalog

# by the extension, the symbols of its library: read off the extension's C source, in which none
# of them has a way to return NULL. All of them are strict
_TOTAL: dict[str, frozenset[str]] = {
    extension: frozenset(symbols.split())
    for extension, symbols in {
        "vector": """
            array_to_halfvec array_to_sparsevec array_to_vector binary_quantize cosine_distance
            halfvec halfvec_add halfvec_binary_quantize halfvec_cmp halfvec_concat
            halfvec_cosine_distance halfvec_eq halfvec_ge halfvec_gt halfvec_inner_product
            halfvec_l1_distance halfvec_l2_distance halfvec_l2_normalize
            halfvec_l2_squared_distance halfvec_l2_norm halfvec_le halfvec_lt halfvec_mul
            halfvec_ne halfvec_negative_inner_product halfvec_spherical_distance halfvec_sub
            halfvec_subvector halfvec_to_float4 halfvec_to_sparsevec halfvec_to_vector
            halfvec_vector_dims hamming_distance inner_product jaccard_distance l1_distance
            l2_distance l2_normalize sparsevec sparsevec_cmp sparsevec_cosine_distance
            sparsevec_eq sparsevec_ge sparsevec_gt sparsevec_inner_product sparsevec_l1_distance
            sparsevec_l2_distance sparsevec_l2_norm sparsevec_l2_normalize
            sparsevec_l2_squared_distance sparsevec_le sparsevec_lt sparsevec_ne
            sparsevec_negative_inner_product sparsevec_to_halfvec sparsevec_to_vector subvector
            vector vector_add vector_cmp vector_concat vector_dims vector_eq vector_ge vector_gt
            vector_l2_squared_distance vector_le vector_lt vector_mul vector_ne
            vector_negative_inner_product vector_norm vector_spherical_distance vector_sub
            vector_to_float4 vector_to_halfvec vector_to_sparsevec
        """,
        "pgcrypto": """
            pg_armor pg_crypt pg_dearmor pg_decrypt pg_decrypt_iv pg_digest pg_encrypt
            pg_encrypt_iv pg_gen_salt pg_gen_salt_rounds pg_hmac pg_random_bytes
            pgp_pub_decrypt_bytea pgp_pub_decrypt_text pgp_pub_encrypt_bytea pgp_pub_encrypt_text
            pgp_sym_decrypt_bytea pgp_sym_decrypt_text pgp_sym_encrypt_bytea pgp_sym_encrypt_text
        """,
        "pg_trgm": """
            set_limit show_limit show_trgm similarity similarity_dist similarity_op
            strict_word_similarity strict_word_similarity_commutator_op
            strict_word_similarity_dist_commutator_op strict_word_similarity_dist_op
            strict_word_similarity_op word_similarity word_similarity_commutator_op
            word_similarity_dist_commutator_op word_similarity_dist_op word_similarity_op
        """,
        "unaccent": "unaccent_dict",
        "citext": """
            citext_cmp citext_eq citext_ge citext_gt citext_hash citext_larger citext_le citext_lt
            citext_ne citext_pattern_cmp citext_pattern_ge citext_pattern_gt citext_pattern_le
            citext_pattern_lt citext_smaller texticlike texticnlike texticregexeq texticregexne
        """,
        "hstore": """
            hstore_akeys hstore_avals hstore_cmp hstore_concat hstore_contained hstore_contains
            hstore_defined hstore_delete hstore_delete_array hstore_delete_hstore hstore_eq
            hstore_exists hstore_exists_all hstore_exists_any hstore_ge hstore_gt hstore_le
            hstore_lt hstore_ne hstore_slice_to_hstore hstore_to_json hstore_to_json_loose
            hstore_to_jsonb hstore_to_jsonb_loose
        """,
        "fuzzystrmatch": """
            difference levenshtein levenshtein_less_equal levenshtein_less_equal_with_costs
            levenshtein_with_costs metaphone soundex
        """,
        "uuid-ossp": """
            uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4
            uuid_generate_v5 uuid_nil uuid_ns_dns uuid_ns_oid uuid_ns_url uuid_ns_x500
        """,
        "ltree": """
            ltree2text ltree_addltree ltree_addtext ltree_cmp ltree_eq ltree_ge ltree_gt
            ltree_index ltree_isparent ltree_le ltree_lt ltree_ne ltree_risparent ltree_textadd
            nlevel subltree subpath text2ltree
        """,
    }.items()
}
# a function of a person's own may have the same name, so the library and the symbol in it count;
# the owner of an extension could have replaced the body of one of its functions
_SYMBOL: LiteralString = """
select
    extension.extname::text,
    function.prosrc
from pg_catalog.pg_proc as function
join pg_catalog.pg_language as language on language.oid = function.prolang
join pg_catalog.pg_depend as depend
    on depend.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    and depend.objid = function.oid
    and depend.deptype = 'e'
join pg_catalog.pg_extension as extension
    on depend.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    and depend.refobjid = extension.oid
where
    function.oid = $1
    and function.proisstrict
    and not function.proretset
    and function.prokind = 'f'
    and (
        (language.lanname = 'c' and function.probin = '$libdir/' || extension.extname)
        or language.lanname = 'internal'
    )
"""


def is_total_in_extension(catalog: Catalog, function: int) -> bool:
    """Say whether an extension's function never returns null if no argument is null."""
    return any(
        symbol in _TOTAL.get(extension, ()) for extension, symbol in catalog.once(_SYMBOL, function)
    )
