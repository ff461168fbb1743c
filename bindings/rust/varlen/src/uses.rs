//! The order of work that shares a buffer.

use crate::context::Context;
use crate::error::Result;
use crate::stream::{Place, Stream};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What a call does with a buffer, and on which stream.
#[derive(Clone, Copy)]
pub(crate) struct Use<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) access: Access,
}

impl Stream {
    pub(crate) fn reads(&self) -> Use<'_> {
        Use { stream: self, access: Access::Read }
    }

    pub(crate) fn writes(&self) -> Use<'_> {
        Use { stream: self, access: Access::Write }
    }
}

/// Which streams use a buffer: the one that wrote it last, and those that have read it since.
#[derive(Default)]
pub(crate) struct Uses {
    writer: Option<Place>,
    readers: Vec<Place>,
}

impl Uses {
    /// Puts a stream's next call behind those that it must not run beside, and remembers it.
    pub(crate) fn order(&mut self, next: Use) -> Result<()> {
        for earlier in self.before(&next.stream.place, next.access) {
            next.stream.follow(&earlier)?;
        }
        self.remember(&next.stream.place, next.access);
        Ok(())
    }

    /// Waits for all of them. If the device fails, it uses the memory no more, and there is nobody to tell.
    pub(crate) fn wait(&self, context: &Context) {
        for place in self.writer.iter().chain(&self.readers).filter(|place| !place.is_finished()) {
            let _ = place.wait(context);
        }
    }

    fn before(&self, next: &Place, access: Access) -> Vec<Place> {
        let is_behind = access == Access::Read && self.readers.iter().any(|reader| reader.is(next));
        let writer = self.writer.iter().filter(|_| !is_behind);
        let readers = self.readers.iter().filter(|_| access == Access::Write);
        writer.chain(readers).filter(|place| !place.is(next) && !place.is_finished()).cloned().collect()
    }

    fn remember(&mut self, next: &Place, access: Access) {
        if access == Access::Write {
            self.writer = Some(next.clone());
            self.readers.clear();
        } else {
            self.readers.retain(|reader| !reader.is(next) && !reader.is_finished());
            self.readers.push(next.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams by their letters, with the default stream as `d`.
    struct Streams(Vec<(char, Stream)>);

    impl Streams {
        fn new() -> Result<Streams> {
            let context = Context::open(Some("cpu"), 0)?;
            let (a, b) = (Stream::new(&context)?, Stream::new(&context)?);
            Ok(Streams(vec![('a', a), ('b', b), ('d', context.default_stream())]))
        }

        fn place(&self, letter: char) -> &Place {
            &self.0.iter().find(|(name, _)| *name == letter).unwrap().1.place
        }

        /// What `next` waits for; then it has used the buffer.
        fn before(&self, uses: &mut Uses, next: char, access: Access) -> String {
            let place = self.place(next);
            let earlier = uses.before(place, access);
            uses.remember(place, access);
            let letter = |place: &Place| self.0.iter().find(|(_, stream)| stream.place.is(place)).unwrap().0;
            earlier.iter().map(letter).collect()
        }
    }

    #[test]
    fn a_write_follows_all_uses_and_a_read_the_last_write() -> Result<()> {
        let streams = Streams::new()?;
        let mut uses = Uses::default();
        let mut before = |next, access| streams.before(&mut uses, next, access);
        assert_eq!(before('d', Access::Write), "", "nothing was there");
        assert_eq!(before('d', Access::Write), "", "a stream is in order");
        assert_eq!(before('a', Access::Read), "d");
        assert_eq!(before('a', Access::Read), "", "it waits already");
        assert_eq!(before('b', Access::Read), "d", "and not for who reads");
        assert_eq!(before('d', Access::Write), "ab");
        assert_eq!(before('b', Access::Write), "d");
        assert_eq!(before('a', Access::Read), "b");
        assert_eq!(before('b', Access::Write), "a");
        assert_eq!(before('b', Access::Read), "");
        Ok(())
    }

    #[test]
    fn a_stream_that_is_gone_is_waited_for_no_more() -> Result<()> {
        let mut streams = Streams::new()?;
        let mut uses = Uses::default();
        streams.before(&mut uses, 'a', Access::Write);
        streams.before(&mut uses, 'b', Access::Read);
        streams.0.remove(0);
        assert_eq!(streams.before(&mut uses, 'd', Access::Read), "");
        streams.0.remove(0);
        streams.before(&mut uses, 'd', Access::Read);
        assert_eq!(uses.readers.len(), 1, "and it is forgotten");
        Ok(())
    }
}
