use std::ffi::CStr;
use std::fmt;
use varlen_sys as sys;

/// Why a call was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// As in `varlen_status`.
    pub status: sys::varlen_status,
    /// One sentence with the argument, its value and the rule.
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The status's name, "VARLEN_ERROR_UNSUPPORTED".
    pub fn status_name(&self) -> &'static str {
        // SAFETY: the library gives static text for any number.
        unsafe { CStr::from_ptr(sys::varlen_status_name(self.status)) }.to_str().unwrap_or("unknown status")
    }

    /// An argument that this crate refuses.
    pub(crate) fn argument(message: String) -> Self {
        Error { status: sys::VARLEN_ERROR_INVALID_ARGUMENT, message }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.status_name(), self.message)
    }
}

impl std::error::Error for Error {}

/// What a call returned, with the thread's message.
pub(crate) fn check(status: sys::varlen_status) -> Result<()> {
    if status == sys::VARLEN_OK {
        return Ok(());
    }
    // SAFETY: never null, and ours until this thread's next failing call.
    let message = unsafe { CStr::from_ptr(sys::varlen_error_message()) }.to_string_lossy().into_owned();
    Err(Error { status, message })
}

/// A count as the header has it.
pub(crate) fn int(name: &str, value: usize) -> Result<i32> {
    i32::try_from(value).map_err(|_| Error::argument(format!("{name} = {value} is above 2^31 - 1")))
}

pub(crate) fn long(name: &str, value: usize) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::argument(format!("{name} = {value} is above 2^63 - 1")))
}
