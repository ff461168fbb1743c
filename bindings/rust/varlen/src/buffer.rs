use crate::context::Context;
use crate::error::{check, Error, Result};
use crate::stream::Stream;
use crate::uses::{Use, Uses};
use std::marker::PhantomData;
use std::ptr;
use std::sync::{Mutex, PoisonError};
use varlen_sys as sys;

/// What buffers may hold.
///
/// # Safety
/// Any bits are a value, and there is no padding.
pub unsafe trait Number: Copy + Default + 'static {}

/// What keys and values may be.
pub trait KeyElement: Number {
    const DTYPE: sys::varlen_dtype;
}

/// What queries, outputs and gradients may be, and keys and values that are not quantised.
pub trait Element: KeyElement {}

/// The bits of a 16-bit float: this crate does no arithmetic.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct F16(pub u16);

/// The upper half of the bits of an `f32`.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bf16(pub u16);

/// The bits of an 8-bit float with 4 bits of exponent: OCP E4M3, without infinities.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct F8E4M3(pub u8);

/// The upper half of the bits of a 16-bit float.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct F8E5M2(pub u8);

unsafe impl Number for u8 {}
unsafe impl Number for i8 {}
unsafe impl Number for i32 {}
unsafe impl Number for u64 {}
unsafe impl Number for f32 {}
unsafe impl Number for F16 {}
unsafe impl Number for Bf16 {}
unsafe impl Number for F8E4M3 {}
unsafe impl Number for F8E5M2 {}

impl KeyElement for f32 {
    const DTYPE: sys::varlen_dtype = sys::VARLEN_FLOAT32;
}
impl KeyElement for F16 {
    const DTYPE: sys::varlen_dtype = sys::VARLEN_FLOAT16;
}
impl KeyElement for Bf16 {
    const DTYPE: sys::varlen_dtype = sys::VARLEN_BFLOAT16;
}
impl KeyElement for F8E4M3 {
    const DTYPE: sys::varlen_dtype = sys::VARLEN_FLOAT8_E4M3;
}
impl KeyElement for F8E5M2 {
    const DTYPE: sys::varlen_dtype = sys::VARLEN_FLOAT8_E5M2;
}
impl KeyElement for i8 {
    const DTYPE: sys::varlen_dtype = sys::VARLEN_INT8;
}

impl Element for f32 {}
impl Element for F16 {}
impl Element for Bf16 {}

/// The `kv_dtype` and `cache_dtype` of C: 0 where keys have the dtype of queries.
pub(crate) fn key_dtype<T: Element, K: KeyElement>() -> sys::varlen_dtype {
    if K::DTYPE == T::DTYPE {
        0
    } else {
        K::DTYPE
    }
}

/// Device memory. Freed with the buffer, after the work that uses it.
pub struct Buffer<T: Number> {
    context: Context,
    data: *mut T,
    len: usize,
    uses: Mutex<Uses>,
    elements: PhantomData<T>,
}

// SAFETY: the memory is the buffer's own, and reached by calls that may come from any thread.
unsafe impl<T: Number> Send for Buffer<T> {}
unsafe impl<T: Number> Sync for Buffer<T> {}

impl<T: Number> Buffer<T> {
    pub fn zeroed(context: &Context, len: usize) -> Result<Self> {
        let bytes = len
            .checked_mul(std::mem::size_of::<T>())
            .ok_or_else(|| Error::argument(format!("{len} elements are more than an address space")))?;
        let mut data = ptr::null_mut();
        // SAFETY: a context that is open; what comes back is `bytes` long.
        check(unsafe { sys::varlen_alloc(context.raw(), bytes, &mut data) })?;
        let uses = Mutex::default();
        let made = Buffer { context: context.clone(), data: data.cast(), len, uses, elements: PhantomData };
        if bytes > 0 {
            made.order(context.default_stream().writes())?;
            check(unsafe { sys::varlen_fill(context.raw(), ptr::null_mut(), data, 0, bytes) })?;
        }
        Ok(made)
    }

    pub fn from_slice(context: &Context, elements: &[T]) -> Result<Self> {
        let mut made = Self::zeroed(context, elements.len())?;
        made.write(0, elements)?;
        Ok(made)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts elements where `first` is the place of the first, and waits for it: the slice may go.
    pub fn write(&mut self, first: usize, elements: &[T]) -> Result<()> {
        if elements.len() > self.len || first > self.len - elements.len() {
            return Err(Error::argument(format!(
                "{} elements from {first} on are more than the buffer's {}",
                elements.len(),
                self.len
            )));
        }
        if elements.is_empty() {
            return Ok(());
        }
        let stream = self.context.default_stream();
        self.order(stream.writes())?;
        // SAFETY: the range lies in the buffer, and both are there until the stream has passed the copy.
        check(unsafe {
            let to = self.data.add(first).cast();
            let bytes = std::mem::size_of_val(elements);
            sys::varlen_copy(self.context.raw(), ptr::null_mut(), to, elements.as_ptr().cast(), bytes)
        })?;
        stream.place.wait(&self.context)
    }

    /// What is there once the work so far is done.
    pub fn to_vec(&self) -> Result<Vec<T>> {
        let mut elements = vec![T::default(); self.len];
        let stream = self.context.default_stream();
        if self.len > 0 {
            self.order(stream.reads())?;
            // SAFETY: as in write, the other way.
            check(unsafe {
                let bytes = std::mem::size_of_val(elements.as_slice());
                sys::varlen_copy(
                    self.context.raw(),
                    ptr::null_mut(),
                    elements.as_mut_ptr().cast(),
                    self.data.cast(),
                    bytes,
                )
            })?;
        }
        stream.place.wait(&self.context)?;
        Ok(elements)
    }

    fn order(&self, next: Use) -> Result<()> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).order(next)
    }

    /// The address, for a call that reaches `needed` elements.
    pub(crate) fn reach(&self, name: &str, next: Use, needed: usize) -> Result<*mut T> {
        if !self.context.is(&next.stream.context) {
            return Err(Error::argument(format!("{name} is a buffer of another context")));
        }
        if needed > self.len {
            return Err(Error::argument(format!("{name} has {} elements, but {needed} are reached", self.len)));
        }
        self.order(next)?;
        Ok(self.data)
    }
}

impl<T: Number> Drop for Buffer<T> {
    fn drop(&mut self) {
        self.uses.get_mut().unwrap_or_else(PoisonError::into_inner).wait(&self.context);
        // SAFETY: made by varlen_alloc of the same context; nobody has it after this.
        unsafe { sys::varlen_free(self.context.raw(), self.data.cast()) };
    }
}

/// Scratch of calls, which grows to what the largest has needed. Calls that share it follow one another: each stream wants
/// its own.
pub struct Workspace {
    context: Context,
    bytes: Option<Buffer<u8>>,
}

impl Workspace {
    pub fn new(context: &Context) -> Self {
        Workspace { context: context.clone(), bytes: None }
    }

    /// Makes it large enough ahead, so that calls need not.
    pub fn reserve(&mut self, size: usize) -> Result<()> {
        if self.bytes.as_ref().map_or(0, Buffer::len) < size {
            self.bytes = None; // the old one goes first
            self.bytes = Some(Buffer::zeroed(&self.context, size)?);
        }
        Ok(())
    }

    pub(crate) fn reach(&mut self, stream: &Stream, size: usize) -> Result<*mut u8> {
        self.reserve(size)?;
        self.bytes.as_ref().map_or(Ok(ptr::null_mut()), |bytes| bytes.reach("workspace", stream.writes(), size))
    }
}
