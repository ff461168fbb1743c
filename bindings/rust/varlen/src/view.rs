use crate::buffer::{Buffer, Number};
use crate::error::{long, Error, Result};
use crate::uses::Use;
use varlen_sys as sys;

/// A `[tokens, heads, dim]` view of a buffer. Strides are in elements, 0 for dense.
pub struct View<'a, T: Number> {
    pub buffer: &'a Buffer<T>,
    pub first: usize,
    pub token_stride: usize,
    pub head_stride: usize,
}

impl<T: Number> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Number> Copy for View<'_, T> {}

impl<'a, T: Number> From<&'a Buffer<T>> for View<'a, T> {
    fn from(buffer: &'a Buffer<T>) -> Self {
        View { buffer, first: 0, token_stride: 0, head_stride: 0 }
    }
}

impl<'a, T: Number> View<'a, T> {
    /// Heads `first_head ..` of a dense `[tokens, row_heads, dim]` tensor, as in a fused projection.
    pub fn heads(buffer: &'a Buffer<T>, row_heads: usize, first_head: usize, dim: usize) -> Self {
        View { buffer, first: first_head * dim, token_stride: row_heads * dim, head_stride: dim }
    }

    /// The tensor of C, if all of its rows lie in the buffer.
    pub(crate) fn tensor(
        &self,
        name: &str,
        next: Use,
        tokens: usize,
        heads: usize,
        dim: usize,
    ) -> Result<sys::varlen_tensor> {
        let too_large = || Error::argument(format!("{name} reaches past an address space"));
        let head_stride = if self.head_stride == 0 { dim } else { self.head_stride };
        let dense = heads.checked_mul(dim).ok_or_else(too_large)?;
        let token_stride = if self.token_stride == 0 { dense } else { self.token_stride };
        let mut needed = 0;
        if tokens > 0 && heads > 0 {
            let rows = (tokens - 1).checked_mul(token_stride).ok_or_else(too_large)?;
            let columns = (heads - 1).checked_mul(head_stride).ok_or_else(too_large)?;
            needed = [rows, columns, dim]
                .iter()
                .try_fold(self.first, |sum, part| sum.checked_add(*part))
                .ok_or_else(too_large)?;
        }
        let data = self.buffer.reach(name, next, needed)?;
        Ok(sys::varlen_tensor {
            // SAFETY: inside the buffer, unless nothing is reached, and then it is not used.
            data: if needed > 0 { unsafe { data.add(self.first) }.cast() } else { data.cast() },
            token_stride: long(name, token_stride)?,
            head_stride: long(name, head_stride)?,
        })
    }
}
