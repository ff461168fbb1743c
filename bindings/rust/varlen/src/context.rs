use crate::error::{check, Result};
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::Arc;
use varlen_sys as sys;

struct Handle(*mut sys::varlen_context);

// SAFETY: every function may be called from any thread at any time, but for close, which needs the last owner.
unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: buffers, streams and events keep the handle alive, so all that was made through it has been freed.
        unsafe { sys::varlen_close(self.0) }
    }
}

/// One device of one backend. Clones are the same context, which is closed with the last of them and of what was made
/// through it.
#[derive(Clone)]
pub struct Context {
    handle: Arc<Handle>,
}

/// What a context runs on.
#[derive(Clone, Debug)]
pub struct Device {
    pub backend: String,
    pub name: String,
    pub architecture: String,
    pub index: i32,
    /// `1 << dtype` is set for each that attention takes.
    pub dtypes: u32,
    /// Device memory is ordinary memory, and calls have finished when they return.
    pub host_memory: bool,
}

fn text(characters: &[sys::c_char]) -> String {
    // SAFETY: the library ends its texts with a zero.
    unsafe { CStr::from_ptr(characters.as_ptr()) }.to_string_lossy().into_owned()
}

impl Context {
    /// Opens what `backend` names, as `VARLEN_BACKEND` may; `None`: what the environment names. `threads` are those of the
    /// CPU backend, 0 for as many as there are processors.
    pub fn open(backend: Option<&str>, threads: i32) -> Result<Context> {
        let name = CString::new(backend.unwrap_or(""))
            .map_err(|_| crate::Error::argument("the backend's name has a zero in it".to_string()))?;
        let mut options = sys::varlen_open_options::zeroed();
        options.struct_size = std::mem::size_of_val(&options);
        options.backend = name.as_ptr();
        options.threads = threads;
        let mut opened = ptr::null_mut();
        // SAFETY: both live for the duration of the call.
        check(unsafe { sys::varlen_open(&options, &mut opened) })?;
        Ok(Context { handle: Arc::new(Handle(opened)) })
    }

    pub(crate) fn is(&self, other: &Context) -> bool {
        Arc::ptr_eq(&self.handle, &other.handle)
    }

    pub(crate) fn raw(&self) -> *mut sys::varlen_context {
        self.handle.0
    }

    pub fn device(&self) -> Result<Device> {
        let mut info = sys::varlen_device_info::zeroed();
        info.struct_size = std::mem::size_of_val(&info);
        // SAFETY: the struct is as large as it says.
        check(unsafe { sys::varlen_context_device(self.raw(), &mut info) })?;
        Ok(Device {
            backend: text(&info.backend),
            name: text(&info.name),
            architecture: text(&info.architecture),
            index: info.device,
            dtypes: info.dtypes,
            host_memory: info.flags & sys::VARLEN_DEVICE_HOST_MEMORY != 0,
        })
    }

    /// `Stream::synchronize` of the default stream.
    pub fn synchronize(&self) -> Result<()> {
        self.default_stream().synchronize()
    }
}
