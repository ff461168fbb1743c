use crate::context::Context;
use crate::error::{check, Error, Result};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use varlen_sys as sys;

/// A stream that this crate has made. Buffers remember it, so it may outlive its `Stream`.
struct Own {
    context: Context,
    raw: sys::varlen_stream,
    finished: AtomicBool,
}

// SAFETY: every function that takes a stream may be called from any thread, but for destroy, which needs the last owner.
unsafe impl Send for Own {}
unsafe impl Sync for Own {}

impl Drop for Own {
    fn drop(&mut self) {
        // SAFETY: made by varlen_stream_create of the same context; nobody has it after this.
        unsafe { sys::varlen_stream_destroy(self.context.raw(), self.raw) };
    }
}

/// Where work goes: a stream of the program's own, or with `None` the default stream of a context.
#[derive(Clone)]
pub(crate) struct Place(Option<Arc<Own>>);

impl Place {
    pub(crate) fn raw(&self) -> sys::varlen_stream {
        self.0.as_ref().map_or(ptr::null_mut(), |own| own.raw)
    }

    pub(crate) fn is(&self, other: &Place) -> bool {
        self.raw() == other.raw()
    }

    /// Whether its work is known to be done, and none can follow.
    pub(crate) fn is_finished(&self) -> bool {
        self.0.as_ref().map_or(false, |own| own.finished.load(Ordering::Acquire))
    }

    pub(crate) fn wait(&self, context: &Context) -> Result<()> {
        // SAFETY: a stream of a context that is open.
        check(unsafe { sys::varlen_stream_synchronize(context.raw(), self.raw()) })
    }
}

/// A sequence of work on the device, in the order of the calls. Work on different streams may run side by side, unless a
/// buffer is used by both: then the later call waits for the earlier, on the device, if either writes the buffer.
///
/// Dropping a stream waits for its work; the default stream goes on.
pub struct Stream {
    pub(crate) context: Context,
    pub(crate) place: Place,
}

impl Stream {
    /// One that does not wait for the default stream.
    pub fn new(context: &Context) -> Result<Stream> {
        let mut raw = ptr::null_mut();
        // SAFETY: a context that is open.
        check(unsafe { sys::varlen_stream_create(context.raw(), &mut raw) })?;
        let own = Own { context: context.clone(), raw, finished: AtomicBool::new(false) };
        Ok(Stream { context: context.clone(), place: Place(Some(Arc::new(own))) })
    }

    /// Waits for the work so far, and tells what only the device could see of the context's: bad lengths and page tables.
    pub fn synchronize(&self) -> Result<()> {
        self.place.wait(&self.context)?;
        // SAFETY: a context that is open.
        check(unsafe { sys::varlen_context_status(self.context.raw()) })
    }

    /// Later work waits, on the device, for what the event marked when this is called.
    pub fn wait(&self, event: &Event) -> Result<()> {
        event.belongs_to("event", &self.context)?;
        // SAFETY: both are of this context.
        check(unsafe { sys::varlen_stream_wait(self.context.raw(), self.place.raw(), event.raw) })
    }

    /// Later work waits, on the device, for all that has been given to another stream of the context so far.
    pub(crate) fn follow(&self, earlier: &Place) -> Result<()> {
        let event = Event::new(&self.context)?;
        event.mark(earlier)?;
        self.wait(&event)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(own) = &self.place.0 {
            // If the device fails, it works no more, and there is nobody to tell.
            let _ = self.place.wait(&self.context);
            own.finished.store(true, Ordering::Release);
        }
    }
}

impl Context {
    /// The stream of the calls that are given none.
    pub fn default_stream(&self) -> Stream {
        Stream { context: self.clone(), place: Place(None) }
    }
}

/// A mark in a stream's work.
pub struct Event {
    context: Context,
    raw: sys::varlen_event,
}

// SAFETY: one event may be used from several threads at once, but for destroy, which needs the owner.
unsafe impl Send for Event {}
unsafe impl Sync for Event {}

impl Event {
    pub fn new(context: &Context) -> Result<Event> {
        let mut raw = ptr::null_mut();
        // SAFETY: a context that is open.
        check(unsafe { sys::varlen_event_create(context.raw(), &mut raw) })?;
        Ok(Event { context: context.clone(), raw })
    }

    /// Marks the work that the stream has been given so far, in place of what was marked before.
    pub fn record(&self, stream: &Stream) -> Result<()> {
        self.belongs_to("event", &stream.context)?;
        self.mark(&stream.place)
    }

    fn mark(&self, place: &Place) -> Result<()> {
        // SAFETY: both are of this context.
        check(unsafe { sys::varlen_event_record(self.context.raw(), self.raw, place.raw()) })
    }

    /// Waits for what is marked.
    pub fn synchronize(&self) -> Result<()> {
        // SAFETY: an event of a context that is open.
        check(unsafe { sys::varlen_event_synchronize(self.context.raw(), self.raw) })
    }

    /// Milliseconds from `start` to this event, once both have been reached.
    pub fn milliseconds_since(&self, start: &Event) -> Result<f64> {
        start.belongs_to("start", &self.context)?;
        let mut milliseconds = 0.0;
        // SAFETY: both are of this context.
        check(unsafe { sys::varlen_event_elapsed(self.context.raw(), start.raw, self.raw, &mut milliseconds) })?;
        Ok(milliseconds)
    }

    fn belongs_to(&self, name: &str, context: &Context) -> Result<()> {
        if self.context.is(context) {
            return Ok(());
        }
        Err(Error::argument(format!("{name} is an event of another context")))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: made by varlen_event_create of the same context; what waits for it has been told what it marked.
        unsafe { sys::varlen_event_destroy(self.context.raw(), self.raw) };
    }
}
