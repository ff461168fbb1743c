//! Streams and events: work on several streams, in the order that its buffers give it, and marks in that work.

use std::sync::Arc;
use varlen::{sys, Append, Attention, Buffer, Context, Event, Inputs, Mask, Result, Stream, Workspace};

const TOKENS: usize = 3;

fn open() -> Context {
    Context::open(Some("cpu"), 0).unwrap()
}

/// Causal attention of one sequence with one head of 8 elements. With zeros for q and k, row t of out is the mean of rows
/// 0 to t of v.
fn means() -> Attention {
    let mask = Mask::Causal;
    Attention { batch: 1, q_heads: 1, kv_heads: 1, head_dim: 8, total_q: 3, total_k: 3, mask, ..Attention::default() }
}

/// Three rows of 8 equal elements.
fn rows(values: [f32; TOKENS]) -> Vec<f32> {
    values.iter().flat_map(|value| [*value; 8]).collect()
}

/// `out` from `v` on a stream.
fn forward(stream: &Stream, v: &Buffer<f32>, out: &mut Buffer<f32>, context: &Context) -> Result<()> {
    let zeros = Buffer::<f32>::zeroed(context, TOKENS * 8)?;
    let starts = Buffer::from_slice(context, &[0, TOKENS as i32])?;
    let inputs = Inputs { cu_seqlens_k: Some(&starts), ..Inputs::new(&zeros, &zeros, v, &starts) };
    stream.forward(&means(), &inputs, out, None, &mut Workspace::new(context))
}

#[test]
fn what_one_stream_writes_another_reads() -> Result<()> {
    let context = open();
    let (first, second) = (Stream::new(&context)?, Stream::new(&context)?);
    let v = Buffer::from_slice(&context, &rows([0.0, 2.0, 4.0]))?;
    let [mut once, mut twice] = [(); 2].map(|()| Buffer::<f32>::zeroed(&context, TOKENS * 8).unwrap());
    forward(&first, &v, &mut once, &context)?;
    forward(&second, &once, &mut twice, &context)?;
    forward(&context.default_stream(), &twice, &mut once, &context)?;
    assert_eq!(twice.to_vec()?, rows([0.0, 0.5, 1.0]));
    assert_eq!(once.to_vec()?, rows([0.0, 0.25, 0.5]));
    second.synchronize()?;
    first.synchronize()
}

#[test]
fn a_cache_grows_on_a_stream() -> Result<()> {
    let context = open();
    let stream = Stream::new(&context)?;
    let new = Buffer::from_slice(&context, &[1.0f32; 8])?;
    let [mut k_cache, mut v_cache] = [(); 2].map(|()| Buffer::<f32>::zeroed(&context, 2 * 8).unwrap());
    let (slots, starts) = (Buffer::from_slice(&context, &[0, 2])?, Buffer::from_slice(&context, &[0, 1])?);
    let mut used = [Buffer::from_slice(&context, &[0])?, Buffer::from_slice(&context, &[0])?];
    for _ in 0..2 {
        let [before, after] = &mut used;
        stream.kv_append(Append {
            batch: 1,
            kv_heads: 1,
            head_dim: 8,
            value_dim: 0,
            total_new: 1,
            total_k: 2,
            page_size: 0,
            page_table_width: 0,
            page_count: 0,
            k_new: (&new).into(),
            v_new: Some((&new).into()),
            k_cache: &mut k_cache,
            v_cache: Some(&mut v_cache),
            scales: None,
            cu_seqlens_new: &starts,
            cu_seqlens_k: Some(&slots),
            seqused_k: before,
            page_table: None,
            seqused_k_out: Some(after),
            rotary: None,
            q: None,
        })?;
        used.swap(0, 1);
    }
    assert_eq!(used[0].to_vec()?, [2]);
    assert_eq!(v_cache.to_vec()?, [1.0; 16]);
    stream.synchronize()
}

#[test]
fn events_mark_work_and_tell_its_time() -> Result<()> {
    let context = open();
    let (stream, other) = (Stream::new(&context)?, Stream::new(&context)?);
    let (start, end) = (Event::new(&context)?, Event::new(&context)?);
    let refused = end.milliseconds_since(&start).unwrap_err();
    assert_eq!(refused.status, sys::VARLEN_ERROR_INVALID_ARGUMENT);
    assert_eq!(refused.message, "start has not been recorded");

    let v = Buffer::from_slice(&context, &rows([1.0, 2.0, 3.0]))?;
    let mut out = Buffer::<f32>::zeroed(&context, TOKENS * 8)?;
    start.record(&stream)?;
    forward(&stream, &v, &mut out, &context)?;
    end.record(&stream)?;
    other.wait(&end)?;
    end.synchronize()?;
    let milliseconds = end.milliseconds_since(&start)?;
    assert!(milliseconds > 0.0, "{milliseconds}");
    assert_eq!(start.milliseconds_since(&end)?, -milliseconds);
    end.record(&other)?;
    assert!(end.milliseconds_since(&start)? >= milliseconds, "a mark takes the place of the last");
    Ok(())
}

#[test]
fn what_belongs_to_another_context_is_refused() -> Result<()> {
    let (context, other) = (open(), open());
    let (stream, event, start) = (Stream::new(&context)?, Event::new(&other)?, Event::new(&context)?);
    let refused = "event is an event of another context";
    assert_eq!(event.record(&stream).unwrap_err().message, refused);
    assert_eq!(stream.wait(&event).unwrap_err().message, refused);
    assert_eq!(context.default_stream().wait(&event).unwrap_err().message, refused);
    assert_eq!(event.milliseconds_since(&start).unwrap_err().message, "start is an event of another context");
    let v = Buffer::<f32>::zeroed(&other, TOKENS * 8)?;
    let mut out = Buffer::<f32>::zeroed(&context, TOKENS * 8)?;
    assert_eq!(forward(&stream, &v, &mut out, &context).unwrap_err().message, "v is a buffer of another context");
    Ok(())
}

#[test]
fn threads_have_streams_of_their_own_and_share_what_they_read() -> Result<()> {
    let context = open();
    let v = Arc::new(Buffer::from_slice(&context, &rows([1.0, 3.0, 5.0]))?);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (context, v) = (context.clone(), v.clone());
            std::thread::spawn(move || -> Result<Vec<f32>> {
                let mut out = Buffer::<f32>::zeroed(&context, TOKENS * 8)?;
                for _ in 0..20 {
                    forward(&Stream::new(&context)?, &v, &mut out, &context)?;
                }
                out.to_vec()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap()?, rows([1.0, 2.0, 3.0]));
    }
    Ok(())
}

#[test]
fn streams_and_events_keep_their_context_and_may_go_in_any_order() -> Result<()> {
    let context = open();
    let (stream, event) = (Stream::new(&context)?, Event::new(&context)?);
    let v = Buffer::from_slice(&context, &rows([4.0, 4.0, 4.0]))?;
    let mut out = Buffer::<f32>::zeroed(&context, TOKENS * 8)?;
    forward(&stream, &v, &mut out, &context)?;
    event.record(&stream)?;
    drop((context, stream, v));
    event.synchronize()?;
    drop(event);
    assert_eq!(out.to_vec()?, rows([4.0, 4.0, 4.0]));
    Ok(())
}
