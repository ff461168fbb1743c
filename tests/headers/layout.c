/* Freezes the ABI of 0.1 on 64-bit machines: sizes, offsets and values never change; new fields and enumerators are
 * added at the ends, with new rows here. */
#include <varlen/backend.h>

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "the size of " #type " has changed")
#define FIELD(type, field, bytes)                                                                                      \
    _Static_assert(offsetof(type, field) == (bytes), "the offset of " #type "." #field " has changed")
#define VALUE(name, value) _Static_assert((int)(name) == (value), "the value of " #name " has changed")

/* clang-format off */
VALUE(VARLEN_OK, 0);
VALUE(VARLEN_ERROR_INVALID_ARGUMENT, 1);
VALUE(VARLEN_ERROR_UNSUPPORTED, 2);
VALUE(VARLEN_ERROR_BACKEND_UNAVAILABLE, 3);
VALUE(VARLEN_ERROR_BAD_METADATA, 4);
VALUE(VARLEN_ERROR_OUT_OF_MEMORY, 5);
VALUE(VARLEN_ERROR_DEVICE, 6);
VALUE(VARLEN_ERROR_INTERNAL, 7);

VALUE(VARLEN_LOG_ERROR, 0);
VALUE(VARLEN_LOG_WARN, 1);
VALUE(VARLEN_LOG_INFO, 2);
VALUE(VARLEN_LOG_DEBUG, 3);

VALUE(VARLEN_FLOAT32, 0);
VALUE(VARLEN_FLOAT16, 1);
VALUE(VARLEN_BFLOAT16, 2);
VALUE(VARLEN_FLOAT8_E4M3, 3);
VALUE(VARLEN_FLOAT8_E5M2, 4);
VALUE(VARLEN_INT8, 5);

VALUE(VARLEN_MASK_FULL, 0);
VALUE(VARLEN_MASK_CAUSAL, 1);
VALUE(VARLEN_MASK_WINDOW, 2);

VALUE(VARLEN_ALIGN_BOTTOM_RIGHT, 0);
VALUE(VARLEN_ALIGN_TOP_LEFT, 1);

VALUE(VARLEN_PASS_FORWARD, 0);
VALUE(VARLEN_PASS_BACKWARD, 1);

VALUE(VARLEN_BACKEND_USABLE, 0);
VALUE(VARLEN_BACKEND_NO_DEVICE, 1);
VALUE(VARLEN_BACKEND_REFUSED, 2);

VALUE(VARLEN_UNBOUNDED, -1);
VALUE(VARLEN_EXPANDED, -1);
VALUE(VARLEN_FLAG_DETERMINISTIC, 1);
VALUE(VARLEN_FLAG_BATCH_INVARIANT, 2);
VALUE(VARLEN_FLAG_EXACT_SCALE, 4);
VALUE(VARLEN_DEVICE_HOST_MEMORY, 1);

VALUE(VARLEN_FEATURE_SEQUSED_Q, 0x1);
VALUE(VARLEN_FEATURE_SEQUSED_K, 0x2);
VALUE(VARLEN_FEATURE_LEFTPAD_K, 0x4);
VALUE(VARLEN_FEATURE_ALIBI, 0x8);
VALUE(VARLEN_FEATURE_SINKS, 0x10);
VALUE(VARLEN_FEATURE_DROPOUT_STATE, 0x20);
VALUE(VARLEN_FEATURE_LSE, 0x40);
VALUE(VARLEN_FEATURE_DSINKS, 0x80);
VALUE(VARLEN_FEATURE_EXPANDED, 0x100);
VALUE(VARLEN_FEATURE_CAUSAL, 0x200);
VALUE(VARLEN_FEATURE_WINDOW, 0x400);
VALUE(VARLEN_FEATURE_TOP_LEFT, 0x800);
VALUE(VARLEN_FEATURE_SOFTCAP, 0x1000);
VALUE(VARLEN_FEATURE_DROPOUT, 0x2000);
VALUE(VARLEN_FEATURE_PAGED, 0x4000);
VALUE(VARLEN_FEATURE_DETERMINISTIC, 0x8000);
VALUE(VARLEN_FEATURE_BATCH_INVARIANT, 0x10000);
VALUE(VARLEN_FEATURE_DLSE, 0x20000);
VALUE(VARLEN_FEATURE_KEY_RANGES, 0x40000);
VALUE(VARLEN_FEATURE_QUERY_POSITIONS, 0x80000);
VALUE(VARLEN_FEATURE_KEY_STARTS, 0x100000);
VALUE(VARLEN_FEATURE_TREE_MASK, 0x200000);
VALUE(VARLEN_FEATURE_LEFTPAD_Q, 0x400000);
VALUE(VARLEN_FEATURE_CHUNK, 0x800000);
VALUE(VARLEN_FEATURE_QUANTIZED, 0x1000000);

SIZE(varlen_tensor, 24);
FIELD(varlen_tensor, data, 0);
FIELD(varlen_tensor, token_stride, 8);
FIELD(varlen_tensor, head_stride, 16);

SIZE(varlen_attention, 120);
FIELD(varlen_attention, struct_size, 0);
FIELD(varlen_attention, dtype, 8);
FIELD(varlen_attention, batch, 12);
FIELD(varlen_attention, q_heads, 16);
FIELD(varlen_attention, kv_heads, 20);
FIELD(varlen_attention, head_dim, 24);
FIELD(varlen_attention, value_dim, 28);
FIELD(varlen_attention, total_q, 32);
FIELD(varlen_attention, total_k, 40);
FIELD(varlen_attention, max_seqlen_q, 48);
FIELD(varlen_attention, max_seqlen_k, 52);
FIELD(varlen_attention, softmax_scale, 56);
FIELD(varlen_attention, softcap, 60);
FIELD(varlen_attention, mask, 64);
FIELD(varlen_attention, alignment, 68);
FIELD(varlen_attention, window_left, 72);
FIELD(varlen_attention, window_right, 76);
FIELD(varlen_attention, dropout_p, 80);
FIELD(varlen_attention, page_size, 84);
FIELD(varlen_attention, page_table_width, 88);
FIELD(varlen_attention, flags, 92);
FIELD(varlen_attention, page_count, 96);
FIELD(varlen_attention, features, 104);
FIELD(varlen_attention, attention_chunk, 112);
FIELD(varlen_attention, kv_dtype, 116);

SIZE(varlen_backend_info, 56);
FIELD(varlen_backend_info, struct_size, 0);
FIELD(varlen_backend_info, name, 8);
FIELD(varlen_backend_info, path, 16);
FIELD(varlen_backend_info, description, 24);
FIELD(varlen_backend_info, reason, 32);
FIELD(varlen_backend_info, state, 40);
FIELD(varlen_backend_info, priority, 44);
FIELD(varlen_backend_info, device_count, 48);
FIELD(varlen_backend_info, abi_version, 52);

SIZE(varlen_device_info, 216);
FIELD(varlen_device_info, struct_size, 0);
FIELD(varlen_device_info, backend, 8);
FIELD(varlen_device_info, name, 24);
FIELD(varlen_device_info, architecture, 152);
FIELD(varlen_device_info, memory_bytes, 184);
FIELD(varlen_device_info, device, 192);
FIELD(varlen_device_info, compute_units, 196);
FIELD(varlen_device_info, dtypes, 200);
FIELD(varlen_device_info, passes, 204);
FIELD(varlen_device_info, flags, 208);
FIELD(varlen_device_info, reserved, 212);

SIZE(varlen_search_folder, 32);
FIELD(varlen_search_folder, struct_size, 0);
FIELD(varlen_search_folder, path, 8);
FIELD(varlen_search_folder, origin, 16);
FIELD(varlen_search_folder, reason, 24);

SIZE(varlen_environment_variable, 48);
FIELD(varlen_environment_variable, struct_size, 0);
FIELD(varlen_environment_variable, name, 8);
FIELD(varlen_environment_variable, values, 16);
FIELD(varlen_environment_variable, default_value, 24);
FIELD(varlen_environment_variable, help, 32);
FIELD(varlen_environment_variable, value, 40);

SIZE(varlen_kernel_family, 32);
FIELD(varlen_kernel_family, struct_size, 0);
FIELD(varlen_kernel_family, name, 8);
FIELD(varlen_kernel_family, pass, 16);
FIELD(varlen_kernel_family, reserved, 20);
FIELD(varlen_kernel_family, calls, 24);

SIZE(varlen_open_options, 24);
FIELD(varlen_open_options, struct_size, 0);
FIELD(varlen_open_options, backend, 8);
FIELD(varlen_open_options, threads, 16);
FIELD(varlen_open_options, reserved, 20);

SIZE(varlen_inputs, 304);
FIELD(varlen_inputs, struct_size, 0);
FIELD(varlen_inputs, q, 8);
FIELD(varlen_inputs, k, 32);
FIELD(varlen_inputs, v, 56);
FIELD(varlen_inputs, k_page_stride, 80);
FIELD(varlen_inputs, v_page_stride, 88);
FIELD(varlen_inputs, cu_seqlens_q, 96);
FIELD(varlen_inputs, cu_seqlens_k, 104);
FIELD(varlen_inputs, seqused_q, 112);
FIELD(varlen_inputs, seqused_k, 120);
FIELD(varlen_inputs, leftpad_k, 128);
FIELD(varlen_inputs, page_table, 136);
FIELD(varlen_inputs, alibi_slopes, 144);
FIELD(varlen_inputs, alibi_batch_stride, 152);
FIELD(varlen_inputs, sinks, 160);
FIELD(varlen_inputs, dropout_seed, 168);
FIELD(varlen_inputs, dropout_offset, 176);
FIELD(varlen_inputs, dropout_state, 184);
FIELD(varlen_inputs, key_begin, 192);
FIELD(varlen_inputs, key_end, 200);
FIELD(varlen_inputs, query_positions, 208);
FIELD(varlen_inputs, key_starts, 216);
FIELD(varlen_inputs, tree_mask, 224);
FIELD(varlen_inputs, leftpad_q, 232);
FIELD(varlen_inputs, k_scale, 240);
FIELD(varlen_inputs, k_scale_token_stride, 248);
FIELD(varlen_inputs, k_scale_head_stride, 256);
FIELD(varlen_inputs, k_scale_page_stride, 264);
FIELD(varlen_inputs, v_scale, 272);
FIELD(varlen_inputs, v_scale_token_stride, 280);
FIELD(varlen_inputs, v_scale_head_stride, 288);
FIELD(varlen_inputs, v_scale_page_stride, 296);

SIZE(varlen_forward_args, 64);
FIELD(varlen_forward_args, struct_size, 0);
FIELD(varlen_forward_args, inputs, 8);
FIELD(varlen_forward_args, out, 16);
FIELD(varlen_forward_args, lse, 40);
FIELD(varlen_forward_args, workspace, 48);
FIELD(varlen_forward_args, workspace_size, 56);

SIZE(varlen_backward_args, 176);
FIELD(varlen_backward_args, struct_size, 0);
FIELD(varlen_backward_args, inputs, 8);
FIELD(varlen_backward_args, out, 16);
FIELD(varlen_backward_args, lse, 40);
FIELD(varlen_backward_args, dout, 48);
FIELD(varlen_backward_args, dq, 72);
FIELD(varlen_backward_args, dk, 96);
FIELD(varlen_backward_args, dv, 120);
FIELD(varlen_backward_args, dsinks, 144);
FIELD(varlen_backward_args, workspace, 152);
FIELD(varlen_backward_args, workspace_size, 160);
FIELD(varlen_backward_args, dlse, 168);

SIZE(varlen_merge_args, 120);
FIELD(varlen_merge_args, struct_size, 0);
FIELD(varlen_merge_args, dtype, 8);
FIELD(varlen_merge_args, partial_dtype, 12);
FIELD(varlen_merge_args, parts, 16);
FIELD(varlen_merge_args, heads, 20);
FIELD(varlen_merge_args, tokens, 24);
FIELD(varlen_merge_args, partial_out, 32);
FIELD(varlen_merge_args, partial_out_stride, 56);
FIELD(varlen_merge_args, partial_lse, 64);
FIELD(varlen_merge_args, partial_lse_stride, 72);
FIELD(varlen_merge_args, out, 80);
FIELD(varlen_merge_args, lse, 104);
FIELD(varlen_merge_args, value_dim, 112);
FIELD(varlen_merge_args, reserved, 116);

SIZE(varlen_pack_args, 112);
FIELD(varlen_pack_args, struct_size, 0);
FIELD(varlen_pack_args, element_size, 8);
FIELD(varlen_pack_args, batch, 12);
FIELD(varlen_pack_args, max_seqlen, 16);
FIELD(varlen_pack_args, heads, 20);
FIELD(varlen_pack_args, dim, 24);
FIELD(varlen_pack_args, reserved, 28);
FIELD(varlen_pack_args, total, 32);
FIELD(varlen_pack_args, padded, 40);
FIELD(varlen_pack_args, padded_batch_stride, 64);
FIELD(varlen_pack_args, packed, 72);
FIELD(varlen_pack_args, cu_seqlens, 96);
FIELD(varlen_pack_args, leftpad, 104);

SIZE(varlen_kv_append_args, 360);
FIELD(varlen_kv_append_args, struct_size, 0);
FIELD(varlen_kv_append_args, dtype, 8);
FIELD(varlen_kv_append_args, batch, 12);
FIELD(varlen_kv_append_args, kv_heads, 16);
FIELD(varlen_kv_append_args, head_dim, 20);
FIELD(varlen_kv_append_args, value_dim, 24);
FIELD(varlen_kv_append_args, q_heads, 28);
FIELD(varlen_kv_append_args, total_new, 32);
FIELD(varlen_kv_append_args, total_k, 40);
FIELD(varlen_kv_append_args, page_size, 48);
FIELD(varlen_kv_append_args, page_table_width, 52);
FIELD(varlen_kv_append_args, page_count, 56);
FIELD(varlen_kv_append_args, q, 64);
FIELD(varlen_kv_append_args, k_new, 88);
FIELD(varlen_kv_append_args, v_new, 112);
FIELD(varlen_kv_append_args, k_cache, 136);
FIELD(varlen_kv_append_args, v_cache, 160);
FIELD(varlen_kv_append_args, k_page_stride, 184);
FIELD(varlen_kv_append_args, v_page_stride, 192);
FIELD(varlen_kv_append_args, cu_seqlens_new, 200);
FIELD(varlen_kv_append_args, cu_seqlens_k, 208);
FIELD(varlen_kv_append_args, seqused_k, 216);
FIELD(varlen_kv_append_args, leftpad_k, 224);
FIELD(varlen_kv_append_args, page_table, 232);
FIELD(varlen_kv_append_args, seqused_k_out, 240);
FIELD(varlen_kv_append_args, rotary_cos, 248);
FIELD(varlen_kv_append_args, rotary_sin, 256);
FIELD(varlen_kv_append_args, rotary_positions, 264);
FIELD(varlen_kv_append_args, rotary_dim, 272);
FIELD(varlen_kv_append_args, rotary_interleaved, 276);
FIELD(varlen_kv_append_args, cache_dtype, 280);
FIELD(varlen_kv_append_args, scales_given, 284);
FIELD(varlen_kv_append_args, k_scale, 288);
FIELD(varlen_kv_append_args, k_scale_token_stride, 296);
FIELD(varlen_kv_append_args, k_scale_head_stride, 304);
FIELD(varlen_kv_append_args, k_scale_page_stride, 312);
FIELD(varlen_kv_append_args, v_scale, 320);
FIELD(varlen_kv_append_args, v_scale_token_stride, 328);
FIELD(varlen_kv_append_args, v_scale_head_stride, 336);
FIELD(varlen_kv_append_args, v_scale_page_stride, 344);
FIELD(varlen_kv_append_args, rotary_begin, 352);
FIELD(varlen_kv_append_args, reserved, 356);

VALUE(VARLEN_METADATA_CU_SEQLENS_Q, 0);
VALUE(VARLEN_METADATA_CU_SEQLENS_K, 1);
VALUE(VARLEN_METADATA_SEQUSED_Q, 2);
VALUE(VARLEN_METADATA_SEQUSED_K, 3);
VALUE(VARLEN_METADATA_LEFTPAD_K, 4);
VALUE(VARLEN_METADATA_PAGE_TABLE, 5);
VALUE(VARLEN_METADATA_CU_SEQLENS, 6);
VALUE(VARLEN_METADATA_CU_SEQLENS_NEW, 7);
VALUE(VARLEN_METADATA_LENGTHS, 8);
VALUE(VARLEN_METADATA_KEY_BEGIN, 9);
VALUE(VARLEN_METADATA_KEY_END, 10);
VALUE(VARLEN_METADATA_QUERY_POSITIONS, 11);
VALUE(VARLEN_METADATA_KEY_STARTS, 12);
VALUE(VARLEN_METADATA_LEFTPAD_Q, 13);
VALUE(VARLEN_METADATA_LEFTPAD, 14);
VALUE(VARLEN_METADATA_TREE_MASK, 15);

VALUE(VARLEN_VIOLATION_NONE, 0);
VALUE(VARLEN_VIOLATION_START, 1);
VALUE(VARLEN_VIOLATION_DECREASE, 2);
VALUE(VARLEN_VIOLATION_TOTAL, 3);
VALUE(VARLEN_VIOLATION_NEGATIVE, 4);
VALUE(VARLEN_VIOLATION_SLOT, 5);
VALUE(VARLEN_VIOLATION_USED, 6);
VALUE(VARLEN_VIOLATION_MAXIMUM, 7);
VALUE(VARLEN_VIOLATION_PAGE, 8);
VALUE(VARLEN_VIOLATION_OVERFLOW, 9);
VALUE(VARLEN_VIOLATION_CAPACITY, 10);
VALUE(VARLEN_VIOLATION_POSITION, 11);
VALUE(VARLEN_VIOLATION_PAGED_SLOT, 12);
VALUE(VARLEN_VIOLATION_PAGED_CAPACITY, 13);
VALUE(VARLEN_VIOLATION_COUNT, 14);
VALUE(VARLEN_VIOLATION_RANGE, 15);
VALUE(VARLEN_VIOLATION_TREE, 16);
VALUE(VARLEN_VIOLATION_SHARED, 17);


SIZE(varlen_host, 48);
FIELD(varlen_host, abi_version, 0);
FIELD(varlen_host, reserved, 4);
FIELD(varlen_host, struct_size, 8);
FIELD(varlen_host, fail, 16);
FIELD(varlen_host, log, 24);
FIELD(varlen_host, environment, 32);
FIELD(varlen_host, log_wanted, 40);

SIZE(varlen_violation, 32);
FIELD(varlen_violation, rule, 0);
FIELD(varlen_violation, argument, 4);
FIELD(varlen_violation, index, 8);
FIELD(varlen_violation, column, 12);
FIELD(varlen_violation, value, 16);
FIELD(varlen_violation, bound, 24);

SIZE(varlen_backend_open, 24);
FIELD(varlen_backend_open, struct_size, 0);
FIELD(varlen_backend_open, host, 8);
FIELD(varlen_backend_open, device, 16);
FIELD(varlen_backend_open, threads, 20);

SIZE(varlen_limits, 32);
FIELD(varlen_limits, struct_size, 0);
FIELD(varlen_limits, features, 8);
FIELD(varlen_limits, dtypes, 16);
FIELD(varlen_limits, head_dim, 20);
FIELD(varlen_limits, value_dim, 24);
FIELD(varlen_limits, reserved, 28);

SIZE(varlen_struct_sizes, 88);
FIELD(varlen_struct_sizes, struct_size, 0);
FIELD(varlen_struct_sizes, attention, 8);
FIELD(varlen_struct_sizes, inputs, 16);
FIELD(varlen_struct_sizes, forward_args, 24);
FIELD(varlen_struct_sizes, backward_args, 32);
FIELD(varlen_struct_sizes, merge_args, 40);
FIELD(varlen_struct_sizes, pack_args, 48);
FIELD(varlen_struct_sizes, kv_append_args, 56);
FIELD(varlen_struct_sizes, device_info, 64);
FIELD(varlen_struct_sizes, open, 72);
FIELD(varlen_struct_sizes, kernel_family, 80);

SIZE(varlen_backend, 304);
FIELD(varlen_backend, abi_version, 0);
FIELD(varlen_backend, priority, 4);
FIELD(varlen_backend, struct_size, 8);
FIELD(varlen_backend, name, 16);
FIELD(varlen_backend, description, 24);
FIELD(varlen_backend, struct_sizes, 32);
FIELD(varlen_backend, forward_limits, 40);
FIELD(varlen_backend, backward_limits, 48);
FIELD(varlen_backend, merge_limits, 56);
FIELD(varlen_backend, kv_append_limits, 64);
FIELD(varlen_backend, device_count, 72);
FIELD(varlen_backend, device_info, 80);
FIELD(varlen_backend, open, 88);
FIELD(varlen_backend, close, 96);
FIELD(varlen_backend, take_violation, 104);
FIELD(varlen_backend, supports, 112);
FIELD(varlen_backend, workspace_size, 120);
FIELD(varlen_backend, forward, 128);
FIELD(varlen_backend, backward, 136);
FIELD(varlen_backend, merge, 144);
FIELD(varlen_backend, cu_seqlens, 152);
FIELD(varlen_backend, pack, 160);
FIELD(varlen_backend, unpack, 168);
FIELD(varlen_backend, kv_append, 176);
FIELD(varlen_backend, alloc, 184);
FIELD(varlen_backend, free, 192);
FIELD(varlen_backend, copy, 200);
FIELD(varlen_backend, fill, 208);
FIELD(varlen_backend, stream_create, 216);
FIELD(varlen_backend, stream_destroy, 224);
FIELD(varlen_backend, stream_synchronize, 232);
FIELD(varlen_backend, stream_wait, 240);
FIELD(varlen_backend, event_create, 248);
FIELD(varlen_backend, event_destroy, 256);
FIELD(varlen_backend, event_record, 264);
FIELD(varlen_backend, event_synchronize, 272);
FIELD(varlen_backend, event_elapsed, 280);
FIELD(varlen_backend, kernel_families, 288);
FIELD(varlen_backend, explain, 296);

