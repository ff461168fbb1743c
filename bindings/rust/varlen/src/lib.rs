//! Packed, variable-length attention on any machine: the common calls of libvarlen, safely.
//!
//! ```
//! use varlen::{Attention, Buffer, Context, Inputs, Mask, Workspace};
//!
//! # fn main() -> varlen::Result<()> {
//! let context = Context::open(Some("cpu"), 0)?; // None: what VARLEN_BACKEND says
//! // Three sequences of 2, 3 and 1 tokens, 4 query heads on 2 kv heads.
//! let attention = Attention { batch: 3, q_heads: 4, kv_heads: 2, head_dim: 64, total_q: 6, total_k: 6,
//!                             mask: Mask::Causal, ..Attention::default() };
//! let q = Buffer::<f32>::zeroed(&context, 6 * 4 * 64)?;
//! let k = Buffer::<f32>::zeroed(&context, 6 * 2 * 64)?;
//! let values: Vec<f32> = (0..6 * 2 * 64).map(|i| (i / 128) as f32).collect();
//! let v = Buffer::from_slice(&context, &values)?;
//! let starts = Buffer::from_slice(&context, &[0, 2, 5, 6])?;
//!
//! let inputs = Inputs { cu_seqlens_k: Some(&starts), ..Inputs::new(&q, &k, &v, &starts) };
//! let mut out = Buffer::<f32>::zeroed(&context, 6 * 4 * 64)?;
//! let mut workspace = Workspace::new(&context);
//! context.forward(&attention, &inputs, &mut out, None, &mut workspace)?;
//! let first: Vec<f32> = out.to_vec()?.chunks(4 * 64).map(|row| row[0]).collect();
//! assert_eq!(first, [0.0, 0.5, 2.0, 2.5, 3.0, 5.0]);
//! # Ok(())
//! # }
//! ```
//!
//! What is safe here: buffers belong to a context, have a length and a type of element, and are as large as a call reads and
//! writes, or the call is refused; outputs are borrowed mutably, so nothing overlaps; a call on one stream waits, on the
//! device, for calls on others that write what it uses or read what it writes, and a buffer is freed when all streams have
//! done with it. The contents of `cu_seqlens`, lengths and page tables are checked by the library where they lie, before use,
//! unless `VARLEN_VALIDATE=0` is in the environment: who sets that, vouches for them.
//!
//! What is not wrapped is in the crate `varlen-sys`: graphs, merging and packing.

mod append;
mod attention;
mod buffer;
mod context;
mod error;
mod scales;
mod stream;
mod uses;
mod view;

pub use append::{Append, CacheScales, Rotary};
pub use attention::{Attention, Gradients, Inputs, Mask};
pub use buffer::{Bf16, Buffer, Element, KeyElement, Number, Workspace, F16, F8E4M3, F8E5M2};
pub use context::{Context, Device};
pub use error::{Error, Result};
pub use scales::Scales;
pub use stream::{Event, Stream};
pub use varlen_sys as sys;
pub use view::View;
