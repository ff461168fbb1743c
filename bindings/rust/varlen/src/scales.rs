use crate::buffer::Buffer;
use crate::error::{long, Error, Result};
use crate::uses::Use;

/// What quantised rows are multiplied by: the row of token `t` and head `h` by element `t * token_stride + h * head_stride`;
/// with pages, whose tokens `t` then counts, `page * page_stride` further on. Along a stride of 0 rows share one.
#[derive(Clone, Copy)]
pub struct Scales<'a> {
    pub buffer: &'a Buffer<f32>,
    pub token_stride: usize,
    pub head_stride: usize,
    pub page_stride: usize,
}

/// One scale for all rows.
impl<'a> From<&'a Buffer<f32>> for Scales<'a> {
    fn from(buffer: &'a Buffer<f32>) -> Self {
        Scales { buffer, token_stride: 0, head_stride: 0, page_stride: 0 }
    }
}

impl<'a> Scales<'a> {
    /// One scale for each row: `[tokens, kv_heads]`, or `[pages, page_size, kv_heads]`.
    pub fn of_rows(buffer: &'a Buffer<f32>, page_size: usize, kv_heads: usize) -> Self {
        let page_stride = page_size.saturating_mul(kv_heads);
        Scales { buffer, token_stride: kv_heads, head_stride: 1, page_stride }
    }
}

/// How many rows there are to have scales.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) pages: usize,
    pub(crate) tokens: usize,
    pub(crate) heads: usize,
}

impl Rows {
    /// Of a cache: packed where `page_size` is 0.
    pub(crate) fn of(tokens: usize, page_count: usize, page_size: usize, heads: usize) -> Self {
        if page_size == 0 {
            Rows { pages: 1, tokens, heads }
        } else {
            Rows { pages: page_count, tokens: page_size, heads }
        }
    }
}

/// The fields of C.
pub(crate) struct Array {
    pub(crate) data: *mut f32,
    pub(crate) token_stride: i64,
    pub(crate) head_stride: i64,
    pub(crate) page_stride: i64,
}

impl Scales<'_> {
    /// If all that a call reaches lies in the buffer.
    pub(crate) fn array(&self, name: &str, next: Use, rows: Rows) -> Result<Array> {
        let too_large = || Error::argument(format!("{name} reaches past an address space"));
        let steps = [(rows.pages, self.page_stride), (rows.tokens, self.token_stride), (rows.heads, self.head_stride)];
        let mut needed = 0;
        if steps.iter().all(|(count, _)| *count > 0) {
            needed = steps
                .iter()
                .try_fold(1usize, |sum, (count, stride)| sum.checked_add((count - 1).checked_mul(*stride)?))
                .ok_or_else(too_large)?;
        }
        Ok(Array {
            data: self.buffer.reach(name, next, needed)?,
            token_stride: long(name, self.token_stride)?,
            head_stride: long(name, self.head_stride)?,
            page_stride: long(name, self.page_stride)?,
        })
    }
}
