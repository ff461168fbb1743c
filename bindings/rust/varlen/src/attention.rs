use crate::buffer::{key_dtype, Buffer, Element, KeyElement, Number, Workspace};
use crate::context::Context;
use crate::error::{check, int, long, Error, Result};
use crate::scales::{Rows, Scales};
use crate::stream::Stream;
use crate::uses::Use;
use crate::view::View;
use std::mem::size_of_val;
use std::ptr;
use varlen_sys as sys;

/// Which keys a query sees: docs/semantics.md. A bound of `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mask {
    #[default]
    Full,
    Causal,
    Window {
        left: Option<u32>,
        right: Option<u32>,
    },
}

/// The problem without its data. By default it is full attention with a scale of `1 / sqrt(head_dim)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attention {
    pub batch: usize,
    pub q_heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// 0: `head_dim`.
    pub value_dim: usize,
    pub total_q: usize,
    /// 0 with paging.
    pub total_k: usize,
    pub max_seqlen_q: usize,
    pub max_seqlen_k: usize,
    pub softmax_scale: f32,
    pub softcap: f32,
    pub mask: Mask,
    pub top_left: bool,
    pub dropout_p: f32,
    /// Keys of a page; 0: not paged.
    pub page_size: usize,
    pub page_table_width: usize,
    pub page_count: usize,
    /// `VARLEN_FLAG_*`.
    pub flags: u32,
    /// Queries see keys of their own chunk of so many positions alone; 0: no chunks.
    pub attention_chunk: usize,
}

/// What both passes read. Made by `new`, and completed by struct update. Keys and values of another type than queries are
/// quantised, and forward's alone.
pub struct Inputs<'a, T: Element, K: KeyElement = T> {
    /// `[total_q, q_heads, head_dim]`.
    pub q: View<'a, T>,
    /// `[total_k, kv_heads, head_dim]`; paged: `[page_count, page_size, kv_heads, head_dim]`, pages one behind another.
    pub k: View<'a, K>,
    /// Likewise, with `value_dim`.
    pub v: View<'a, K>,
    /// `[batch + 1]`.
    pub cu_seqlens_q: &'a Buffer<i32>,
    /// `[batch + 1]`; `None` with paging or `key_starts`, and only then.
    pub cu_seqlens_k: Option<&'a Buffer<i32>>,
    /// These four: `[batch]`.
    pub seqused_q: Option<&'a Buffer<i32>>,
    pub seqused_k: Option<&'a Buffer<i32>>,
    pub leftpad_q: Option<&'a Buffer<i32>>,
    pub leftpad_k: Option<&'a Buffer<i32>>,
    /// `[batch, page_table_width]`.
    pub page_table: Option<&'a Buffer<i32>>,
    /// These two: `[q_heads]`.
    pub alibi_slopes: Option<&'a Buffer<f32>>,
    pub sinks: Option<&'a Buffer<f32>>,
    pub dropout_seed: u64,
    pub dropout_offset: u64,
    /// These three: `[total_q]`. `tree_mask` is forward's alone.
    pub key_begin: Option<&'a Buffer<i32>>,
    pub key_end: Option<&'a Buffer<i32>>,
    pub tree_mask: Option<&'a Buffer<u64>>,
    /// `[batch]`: where the first query of each sequence stands among its keys, in place of the alignment.
    pub query_positions: Option<&'a Buffer<i32>>,
    /// `[batch]`: the row where the keys of each sequence begin, with `seqused_k`, in place of `cu_seqlens_k`.
    pub key_starts: Option<&'a Buffer<i32>>,
    /// Of quantised keys and values; `None`: all are 1.
    pub k_scale: Option<Scales<'a>>,
    pub v_scale: Option<Scales<'a>>,
}

impl<'a, T: Element, K: KeyElement> Inputs<'a, T, K> {
    pub fn new(
        q: impl Into<View<'a, T>>,
        k: impl Into<View<'a, K>>,
        v: impl Into<View<'a, K>>,
        cu_seqlens_q: &'a Buffer<i32>,
    ) -> Self {
        Inputs {
            q: q.into(),
            k: k.into(),
            v: v.into(),
            cu_seqlens_q,
            cu_seqlens_k: None,
            seqused_q: None,
            seqused_k: None,
            leftpad_q: None,
            leftpad_k: None,
            page_table: None,
            alibi_slopes: None,
            sinks: None,
            dropout_seed: 0,
            dropout_offset: 0,
            key_begin: None,
            key_end: None,
            tree_mask: None,
            query_positions: None,
            key_starts: None,
            k_scale: None,
            v_scale: None,
        }
    }

    fn features(&self) -> u64 {
        let given = [
            (self.seqused_q.is_some(), sys::VARLEN_FEATURE_SEQUSED_Q),
            (self.seqused_k.is_some(), sys::VARLEN_FEATURE_SEQUSED_K),
            (self.leftpad_q.is_some(), sys::VARLEN_FEATURE_LEFTPAD_Q),
            (self.leftpad_k.is_some(), sys::VARLEN_FEATURE_LEFTPAD_K),
            (self.alibi_slopes.is_some(), sys::VARLEN_FEATURE_ALIBI),
            (self.sinks.is_some(), sys::VARLEN_FEATURE_SINKS),
            (self.key_begin.is_some() || self.key_end.is_some(), sys::VARLEN_FEATURE_KEY_RANGES),
            (self.tree_mask.is_some(), sys::VARLEN_FEATURE_TREE_MASK),
            (self.query_positions.is_some(), sys::VARLEN_FEATURE_QUERY_POSITIONS),
            (self.key_starts.is_some(), sys::VARLEN_FEATURE_KEY_STARTS),
        ];
        given.iter().filter(|(is_given, _)| *is_given).map(|(_, feature)| feature).sum()
    }

    fn to_sys(&self, stream: &Stream, attention: &Attention) -> Result<sys::varlen_inputs> {
        let keys = attention.keys()?;
        let read = stream.reads();
        let mut inputs = sys::varlen_inputs::zeroed();
        inputs.struct_size = size_of_val(&inputs);
        inputs.q = self.q.tensor("q", read, attention.total_q, attention.q_heads, attention.head_dim)?;
        inputs.k = self.k.tensor("k", read, keys, attention.kv_heads, attention.head_dim)?;
        inputs.v = self.v.tensor("v", read, keys, attention.kv_heads, attention.values())?;
        inputs.cu_seqlens_q = self.cu_seqlens_q.reach("cu_seqlens_q", read, attention.batch + 1)?;
        inputs.cu_seqlens_k = optional(self.cu_seqlens_k, "cu_seqlens_k", read, attention.batch + 1)?;
        inputs.seqused_q = optional(self.seqused_q, "seqused_q", read, attention.batch)?;
        inputs.seqused_k = optional(self.seqused_k, "seqused_k", read, attention.batch)?;
        inputs.leftpad_q = optional(self.leftpad_q, "leftpad_q", read, attention.batch)?;
        inputs.leftpad_k = optional(self.leftpad_k, "leftpad_k", read, attention.batch)?;
        inputs.page_table = optional(self.page_table, "page_table", read, attention.entries()?)?;
        inputs.alibi_slopes = optional(self.alibi_slopes, "alibi_slopes", read, attention.q_heads)?;
        inputs.sinks = optional(self.sinks, "sinks", read, attention.q_heads)?;
        inputs.dropout_seed = self.dropout_seed;
        inputs.dropout_offset = self.dropout_offset;
        inputs.key_begin = optional(self.key_begin, "key_begin", read, attention.total_q)?;
        inputs.key_end = optional(self.key_end, "key_end", read, attention.total_q)?;
        inputs.tree_mask = optional(self.tree_mask, "tree_mask", read, attention.total_q)?;
        inputs.query_positions = optional(self.query_positions, "query_positions", read, attention.batch)?;
        inputs.key_starts = optional(self.key_starts, "key_starts", read, attention.batch)?;
        let rows = attention.key_rows();
        if let Some(scales) = self.k_scale {
            let array = scales.array("k_scale", read, rows)?;
            inputs.k_scale = array.data;
            inputs.k_scale_token_stride = array.token_stride;
            inputs.k_scale_head_stride = array.head_stride;
            inputs.k_scale_page_stride = array.page_stride;
        }
        if let Some(scales) = self.v_scale {
            let array = scales.array("v_scale", read, rows)?;
            inputs.v_scale = array.data;
            inputs.v_scale_token_stride = array.token_stride;
            inputs.v_scale_head_stride = array.head_stride;
            inputs.v_scale_page_stride = array.page_stride;
        }
        Ok(inputs)
    }
}

/// The address of what may be left out.
pub(crate) fn optional<T: Number>(buffer: Option<&Buffer<T>>, name: &str, next: Use, needed: usize) -> Result<*mut T> {
    buffer.map_or(Ok(ptr::null_mut()), |given| given.reach(name, next, needed))
}

/// What backward reads besides the inputs, and writes. All are dense.
pub struct Gradients<'a, T: Element> {
    /// Forward's results: `[total_q, q_heads, value_dim]` and `[q_heads, total_q]`.
    pub out: &'a Buffer<T>,
    pub lse: &'a Buffer<f32>,
    /// As `out`.
    pub dout: &'a Buffer<T>,
    /// As the inputs' `q`, `k` and `v`, and `sinks`.
    pub dq: &'a mut Buffer<T>,
    pub dk: &'a mut Buffer<T>,
    pub dv: &'a mut Buffer<T>,
    pub dsinks: Option<&'a mut Buffer<f32>>,
}

fn product(name: &str, factors: &[usize]) -> Result<usize> {
    factors
        .iter()
        .try_fold(1usize, |sum, factor| sum.checked_mul(*factor))
        .ok_or_else(|| Error::argument(format!("{name} reaches past an address space")))
}

impl Attention {
    fn values(&self) -> usize {
        if self.value_dim == 0 {
            self.head_dim
        } else {
            self.value_dim
        }
    }

    /// Rows of k and v.
    fn keys(&self) -> Result<usize> {
        if self.page_size == 0 {
            return Ok(self.total_k);
        }
        product("k", &[self.page_count, self.page_size])
    }

    fn key_rows(&self) -> Rows {
        Rows::of(self.total_k, self.page_count, self.page_size, self.kv_heads)
    }

    fn entries(&self) -> Result<usize> {
        product("page_table", &[self.batch, self.page_table_width])
    }

    fn to_sys<T: Element, K: KeyElement>(self, features: u64) -> Result<sys::varlen_attention> {
        let bound = |name: &str, side: Option<u32>| match side {
            Some(keys) => int(name, keys as usize),
            None => Ok(sys::VARLEN_UNBOUNDED),
        };
        let (mask, left, right) = match self.mask {
            Mask::Full => (sys::VARLEN_MASK_FULL, 0, 0),
            Mask::Causal => (sys::VARLEN_MASK_CAUSAL, 0, 0),
            Mask::Window { left, right } => {
                (sys::VARLEN_MASK_WINDOW, bound("window_left", left)?, bound("window_right", right)?)
            }
        };
        Ok(sys::varlen_attention {
            struct_size: std::mem::size_of::<sys::varlen_attention>(),
            dtype: T::DTYPE,
            batch: int("batch", self.batch)?,
            q_heads: int("q_heads", self.q_heads)?,
            kv_heads: int("kv_heads", self.kv_heads)?,
            head_dim: int("head_dim", self.head_dim)?,
            value_dim: int("value_dim", self.value_dim)?,
            total_q: long("total_q", self.total_q)?,
            total_k: long("total_k", self.total_k)?,
            max_seqlen_q: int("max_seqlen_q", self.max_seqlen_q)?,
            max_seqlen_k: int("max_seqlen_k", self.max_seqlen_k)?,
            softmax_scale: self.softmax_scale,
            softcap: self.softcap,
            mask,
            alignment: if self.top_left { sys::VARLEN_ALIGN_TOP_LEFT } else { sys::VARLEN_ALIGN_BOTTOM_RIGHT },
            window_left: left,
            window_right: right,
            dropout_p: self.dropout_p,
            page_size: int("page_size", self.page_size)?,
            page_table_width: int("page_table_width", self.page_table_width)?,
            flags: self.flags,
            page_count: long("page_count", self.page_count)?,
            features,
            attention_chunk: int("attention_chunk", self.attention_chunk)?,
            kv_dtype: key_dtype::<T, K>(),
        })
    }
}

impl Context {
    /// Whether this problem is done here in this pass (`VARLEN_PASS_*`), with queries of `T` and keys of `K`, and why not.
    /// `features` are the `VARLEN_FEATURE_*` that calls bring beside it: of the optional inputs, and `VARLEN_FEATURE_LSE`,
    /// which backward needs of forward.
    pub fn supports<T: Element, K: KeyElement>(
        &self,
        attention: &Attention,
        features: u64,
        pass: sys::varlen_pass,
    ) -> Result<()> {
        let problem = attention.to_sys::<T, K>(features)?;
        // SAFETY: all live for the duration of the call.
        check(unsafe { sys::varlen_supports(self.raw(), &problem, pass) })
    }

    /// What `Workspace::reserve` is to be given, so that calls up to this size do not allocate.
    pub fn workspace_size<T: Element, K: KeyElement>(
        &self,
        attention: &Attention,
        features: u64,
        pass: sys::varlen_pass,
    ) -> Result<usize> {
        let problem = attention.to_sys::<T, K>(features)?;
        let mut size = 0;
        // SAFETY: as above.
        check(unsafe { sys::varlen_workspace_size(self.raw(), &problem, pass, &mut size) })?;
        Ok(size)
    }

    /// `Stream::forward` on the default stream.
    pub fn forward<T: Element, K: KeyElement>(
        &self,
        attention: &Attention,
        inputs: &Inputs<T, K>,
        out: &mut Buffer<T>,
        lse: Option<&mut Buffer<f32>>,
        workspace: &mut Workspace,
    ) -> Result<()> {
        self.default_stream().forward(attention, inputs, out, lse, workspace)
    }

    /// `Stream::backward` on the default stream.
    pub fn backward<T: Element>(
        &self,
        attention: &Attention,
        inputs: &Inputs<T>,
        gradients: Gradients<T>,
        workspace: &mut Workspace,
    ) -> Result<()> {
        self.default_stream().backward(attention, inputs, gradients, workspace)
    }
}

impl Stream {
    fn workspace(
        &self,
        problem: &sys::varlen_attention,
        pass: sys::varlen_pass,
        workspace: &mut Workspace,
    ) -> Result<(*mut sys::c_void, usize)> {
        let mut size = 0;
        // SAFETY: all live for the duration of the call.
        check(unsafe { sys::varlen_workspace_size(self.context.raw(), problem, pass, &mut size) })?;
        Ok((workspace.reach(self, size)?.cast(), size))
    }

    /// `out` is `[total_q, q_heads, value_dim]`, dense; `lse`, `[q_heads, total_q]`, is what backward needs.
    pub fn forward<T: Element, K: KeyElement>(
        &self,
        attention: &Attention,
        inputs: &Inputs<T, K>,
        out: &mut Buffer<T>,
        lse: Option<&mut Buffer<f32>>,
        workspace: &mut Workspace,
    ) -> Result<()> {
        let wanted = if lse.is_some() { sys::VARLEN_FEATURE_LSE } else { 0 };
        let problem = attention.to_sys::<T, K>(inputs.features() | wanted)?;
        let write = self.writes();
        let given = inputs.to_sys(self, attention)?;
        let rows = product("lse", &[attention.q_heads, attention.total_q])?;
        let mut args = sys::varlen_forward_args::zeroed();
        args.struct_size = size_of_val(&args);
        args.inputs = &given;
        args.out = View::from(&*out).tensor("out", write, attention.total_q, attention.q_heads, attention.values())?;
        args.lse = optional(lse.as_deref(), "lse", write, rows)?;
        (args.workspace, args.workspace_size) = self.workspace(&problem, sys::VARLEN_PASS_FORWARD, workspace)?;
        // SAFETY: every buffer is this context's and as large as the problem makes the call reach.
        check(unsafe { sys::varlen_forward(self.context.raw(), self.place.raw(), &problem, &args) })
    }

    pub fn backward<T: Element>(
        &self,
        attention: &Attention,
        inputs: &Inputs<T>,
        gradients: Gradients<T>,
        workspace: &mut Workspace,
    ) -> Result<()> {
        let wanted = if gradients.dsinks.is_some() { sys::VARLEN_FEATURE_DSINKS } else { 0 };
        let problem = attention.to_sys::<T, T>(inputs.features() | wanted | sys::VARLEN_FEATURE_LSE)?;
        let (read, write) = (self.reads(), self.writes());
        let given = inputs.to_sys(self, attention)?;
        let Attention { total_q, total_k, q_heads, kv_heads, head_dim, .. } = *attention;
        let values = attention.values();
        let rows = product("lse", &[q_heads, total_q])?;
        let mut args = sys::varlen_backward_args::zeroed();
        args.struct_size = size_of_val(&args);
        args.inputs = &given;
        args.out = View::from(gradients.out).tensor("out", read, total_q, q_heads, values)?;
        args.lse = gradients.lse.reach("lse", read, rows)?;
        args.dout = View::from(gradients.dout).tensor("dout", read, total_q, q_heads, values)?;
        args.dq = View::from(&*gradients.dq).tensor("dq", write, total_q, q_heads, head_dim)?;
        args.dk = View::from(&*gradients.dk).tensor("dk", write, total_k, kv_heads, head_dim)?;
        args.dv = View::from(&*gradients.dv).tensor("dv", write, total_k, kv_heads, values)?;
        args.dsinks = optional(gradients.dsinks.as_deref(), "dsinks", write, q_heads)?;
        (args.workspace, args.workspace_size) = self.workspace(&problem, sys::VARLEN_PASS_BACKWARD, workspace)?;
        // SAFETY: as in forward.
        check(unsafe { sys::varlen_backward(self.context.raw(), self.place.raw(), &problem, &args) })
    }
}
