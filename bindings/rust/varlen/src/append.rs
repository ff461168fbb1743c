use crate::attention::optional;
use crate::buffer::{key_dtype, Buffer, Element, KeyElement};
use crate::context::Context;
use crate::error::{check, int, long, Error, Result};
use crate::scales::{Rows, Scales};
use crate::stream::Stream;
use crate::view::View;
use std::mem::size_of_val;
use varlen_sys as sys;

/// The rotation of queries and keys by their positions.
#[derive(Clone, Copy)]
pub struct Rotary<'a> {
    /// `[positions, dim / 2]` each.
    pub cos: &'a Buffer<f32>,
    pub sin: &'a Buffer<f32>,
    pub positions: usize,
    pub dim: usize,
    /// The first element of a head that is rotated: `head_dim - dim` in latent attention.
    pub begin: usize,
    pub interleaved: bool,
}

/// The scales of a quantised cache.
pub enum CacheScales<'a> {
    /// Of each new row, made of it and written: `Scales::of_rows`.
    Written { k: &'a mut Buffer<f32>, v: Option<&'a mut Buffer<f32>> },
    /// Read, and rows are divided by them; `None`: all are 1.
    Given { k: Option<Scales<'a>>, v: Option<Scales<'a>> },
}

/// New keys and values for a cache: row `t` of sequence `b` goes to row `seqused_k[b] + t` of its slot.
pub struct Append<'a, T: Element, K: KeyElement = T> {
    pub batch: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// 0: `head_dim`.
    pub value_dim: usize,
    pub total_new: usize,
    /// Rows of a packed cache; 0 with paging.
    pub total_k: usize,
    pub page_size: usize,
    pub page_table_width: usize,
    pub page_count: usize,
    /// `[total_new, kv_heads, head_dim]` and `value_dim`. Neither `v_new` nor `v_cache`, nor scales of values: keys alone,
    /// as for a latent cache, whose values are columns of its keys.
    pub k_new: View<'a, T>,
    pub v_new: Option<View<'a, T>>,
    /// `[total_k, kv_heads, head_dim]`, or `[page_count, page_size, kv_heads, head_dim]`: dense, as is `v_cache`.
    pub k_cache: &'a mut Buffer<K>,
    pub v_cache: Option<&'a mut Buffer<K>>,
    /// With a cache of another type than the new rows, and only then.
    pub scales: Option<CacheScales<'a>>,
    /// `[batch + 1]`.
    pub cu_seqlens_new: &'a Buffer<i32>,
    /// `[batch + 1]`; `None` with paging, and only then.
    pub cu_seqlens_k: Option<&'a Buffer<i32>>,
    /// `[batch]`: keys in each slot before the call.
    pub seqused_k: &'a Buffer<i32>,
    /// `[batch, page_table_width]`.
    pub page_table: Option<&'a Buffer<i32>>,
    /// `[batch]`: keys in each slot after it.
    pub seqused_k_out: Option<&'a mut Buffer<i32>>,
    /// Keys are rotated, and queries `[total_new, heads, head_dim]`, if there are any, in place.
    pub rotary: Option<Rotary<'a>>,
    pub q: Option<(&'a mut Buffer<T>, usize)>,
}

impl Context {
    /// `Stream::kv_append` on the default stream.
    pub fn kv_append<T: Element, K: KeyElement>(&self, append: Append<T, K>) -> Result<()> {
        self.default_stream().kv_append(append)
    }
}

impl Stream {
    pub fn kv_append<T: Element, K: KeyElement>(&self, append: Append<T, K>) -> Result<()> {
        let Append { batch, kv_heads, head_dim, total_new, total_k, page_size, page_table_width, page_count, .. } =
            append;
        let value_dim = if append.value_dim == 0 { head_dim } else { append.value_dim };
        let (read, write) = (self.reads(), self.writes());
        let too_large = |name: &str| Error::argument(format!("{name} reaches past an address space"));
        let paged_rows = page_count.checked_mul(page_size).ok_or_else(|| too_large("k_cache"))?;
        let rows = if page_size == 0 { total_k } else { paged_rows };
        let entries = batch.checked_mul(page_table_width).ok_or_else(|| too_large("page_table"))?;

        let mut args = sys::varlen_kv_append_args::zeroed();
        args.struct_size = size_of_val(&args);
        args.dtype = T::DTYPE;
        args.batch = int("batch", batch)?;
        args.kv_heads = int("kv_heads", kv_heads)?;
        args.head_dim = int("head_dim", head_dim)?;
        args.value_dim = int("value_dim", append.value_dim)?;
        args.total_new = long("total_new", total_new)?;
        args.total_k = long("total_k", total_k)?;
        args.page_size = int("page_size", page_size)?;
        args.page_table_width = int("page_table_width", page_table_width)?;
        args.page_count = long("page_count", page_count)?;
        if let Some((q, heads)) = &append.q {
            args.q_heads = int("q_heads", *heads)?;
            args.q = View::from(&**q).tensor("q", write, total_new, *heads, head_dim)?;
        }
        args.k_new = append.k_new.tensor("k_new", read, total_new, kv_heads, head_dim)?;
        args.k_cache = View::from(&*append.k_cache).tensor("k_cache", write, rows, kv_heads, head_dim)?;
        if let Some(v_new) = append.v_new {
            args.v_new = v_new.tensor("v_new", read, total_new, kv_heads, value_dim)?;
        }
        if let Some(v_cache) = append.v_cache.as_deref() {
            args.v_cache = View::from(v_cache).tensor("v_cache", write, rows, kv_heads, value_dim)?;
        }
        args.cache_dtype = key_dtype::<T, K>();
        let key_rows = Rows::of(total_k, page_count, page_size, kv_heads);
        let (k_scale, v_scale) = match &append.scales {
            Some(CacheScales::Written { k, v }) => {
                let of_rows = |buffer| Scales::of_rows(buffer, page_size, kv_heads);
                (Some(of_rows(&**k)), v.as_deref().map(of_rows))
            }
            Some(CacheScales::Given { k, v }) => (*k, *v),
            None => (None, None),
        };
        args.scales_given = matches!(append.scales, Some(CacheScales::Given { .. })).into();
        let next = if args.scales_given == 0 { write } else { read };
        if let Some(scales) = k_scale {
            let array = scales.array("k_scale", next, key_rows)?;
            args.k_scale = array.data;
            args.k_scale_token_stride = array.token_stride;
            args.k_scale_head_stride = array.head_stride;
            args.k_scale_page_stride = array.page_stride;
        }
        if let Some(scales) = v_scale {
            let array = scales.array("v_scale", next, key_rows)?;
            args.v_scale = array.data;
            args.v_scale_token_stride = array.token_stride;
            args.v_scale_head_stride = array.head_stride;
            args.v_scale_page_stride = array.page_stride;
        }
        args.cu_seqlens_new = append.cu_seqlens_new.reach("cu_seqlens_new", read, batch + 1)?;
        args.cu_seqlens_k = optional(append.cu_seqlens_k, "cu_seqlens_k", read, batch + 1)?;
        args.seqused_k = append.seqused_k.reach("seqused_k", read, batch)?;
        args.page_table = optional(append.page_table, "page_table", read, entries)?;
        args.seqused_k_out = optional(append.seqused_k_out.as_deref(), "seqused_k_out", write, batch)?;
        if let Some(rotary) = append.rotary {
            let angles = rotary.positions.checked_mul(rotary.dim / 2).ok_or_else(|| too_large("rotary_cos"))?;
            args.rotary_cos = rotary.cos.reach("rotary_cos", read, angles)?;
            args.rotary_sin = rotary.sin.reach("rotary_sin", read, angles)?;
            args.rotary_positions = long("rotary_positions", rotary.positions)?;
            args.rotary_dim = int("rotary_dim", rotary.dim)?;
            args.rotary_begin = int("rotary_begin", rotary.begin)?;
            args.rotary_interleaved = rotary.interleaved.into();
        }
        // SAFETY: every buffer is this context's and as large as the sizes make the call reach.
        check(unsafe { sys::varlen_kv_append(self.context.raw(), self.place.raw(), &args) })
    }
}
