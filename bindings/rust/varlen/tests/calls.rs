//! The safe interface: results, errors, and what it must refuse itself.

use varlen::{
    sys, Append, Attention, Bf16, Buffer, CacheScales, Context, Gradients, Inputs, Mask, Result, Rotary, Scales, View,
    Workspace, F8E4M3,
};

fn open() -> Context {
    Context::open(Some("cpu"), 0).unwrap()
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * i % 1009) as f32 / 1009.0) - 0.5).collect()
}

fn two_sequences() -> Attention {
    let mask = Mask::Causal;
    Attention { batch: 2, q_heads: 2, kv_heads: 1, head_dim: 16, total_q: 5, total_k: 5, mask, ..Attention::default() }
}

#[test]
fn backward_is_the_slope_of_forward() -> Result<()> {
    let context = open();
    let attention = two_sequences();
    let mut q = Buffer::from_slice(&context, &numbers(5 * 2 * 16))?;
    let k = Buffer::from_slice(&context, &numbers(5 * 16))?;
    let v = Buffer::from_slice(&context, &numbers(5 * 16)[..].iter().map(|x| x * 3.0).collect::<Vec<_>>())?;
    let starts = Buffer::from_slice(&context, &[0, 2, 5])?;
    let dout = Buffer::from_slice(&context, &numbers(5 * 2 * 16))?;
    let mut out = Buffer::<f32>::zeroed(&context, 5 * 2 * 16)?;
    let mut lse = Buffer::<f32>::zeroed(&context, 2 * 5)?;
    let mut workspace = Workspace::new(&context);

    let mut loss = |q: &Buffer<f32>, lse: Option<&mut Buffer<f32>>| -> Result<f64> {
        let inputs = Inputs { cu_seqlens_k: Some(&starts), ..Inputs::new(q, &k, &v, &starts) };
        context.forward(&attention, &inputs, &mut out, lse, &mut workspace)?;
        Ok(out.to_vec()?.iter().zip(dout.to_vec()?).map(|(o, d)| f64::from(*o) * f64::from(d)).sum())
    };
    loss(&q, Some(&mut lse))?;

    let [mut dq, mut dk, mut dv] =
        [5 * 2 * 16, 5 * 16, 5 * 16].map(|len| Buffer::<f32>::zeroed(&context, len).unwrap());
    let (place, step) = (4 * 32 + 3, 0.05);
    let before = q.to_vec()?[place];
    q.write(place, &[before + step])?;
    let above = loss(&q, None)?;
    q.write(place, &[before - step])?;
    let below = loss(&q, None)?;
    q.write(place, &[before])?;
    loss(&q, None)?;

    let inputs = Inputs { cu_seqlens_k: Some(&starts), ..Inputs::new(&q, &k, &v, &starts) };
    let gradients =
        Gradients { out: &out, lse: &lse, dout: &dout, dq: &mut dq, dk: &mut dk, dv: &mut dv, dsinks: None };
    context.backward(&attention, &inputs, gradients, &mut Workspace::new(&context))?;
    let slope = (above - below) / f64::from(2.0 * step);
    let derivative = f64::from(dq.to_vec()?[place]);
    assert!((slope - derivative).abs() < 1e-4 * slope.abs().max(0.01), "{slope} and {derivative}");
    assert!(dv.to_vec()?.iter().any(|x| *x != 0.0));
    Ok(())
}

/// A row whose range is its own key returns that key's value; a row whose range is empty returns zeros.
#[test]
fn rows_see_what_they_are_told() -> Result<()> {
    let context = open();
    let attention = Attention { mask: Mask::Full, ..two_sequences() };
    let q = Buffer::from_slice(&context, &numbers(5 * 2 * 16))?;
    let (k, v) = (Buffer::from_slice(&context, &numbers(5 * 16))?, Buffer::from_slice(&context, &numbers(5 * 16))?);
    let starts = Buffer::from_slice(&context, &[0, 2, 5])?;
    let begin = Buffer::from_slice(&context, &[0, 1, 0, 1, 3])?;
    let end = Buffer::from_slice(&context, &[1, 2, 1, 2, 3])?;
    let words = Buffer::from_slice(&context, &[1_u64, 2, 1, 2, 0])?;
    for (key_begin, key_end, tree_mask) in [(Some(&begin), Some(&end), None), (None, None, Some(&words))] {
        let mut out = Buffer::<f32>::zeroed(&context, 5 * 2 * 16)?;
        let inputs =
            Inputs { cu_seqlens_k: Some(&starts), key_begin, key_end, tree_mask, ..Inputs::new(&q, &k, &v, &starts) };
        context.forward(&attention, &inputs, &mut out, None, &mut Workspace::new(&context))?;
        let (out, v) = (out.to_vec()?, v.to_vec()?);
        for (row, head) in (0..5).flat_map(|row| [(row, 0), (row, 1)]) {
            let got = &out[(row * 2 + head) * 16..][..16];
            let expected = if row == 4 { vec![0.0; 16] } else { v[row * 16..][..16].to_vec() };
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "row {row}");
        }
    }
    Ok(())
}

/// Continuations of one prompt read its keys in place, and positions hide those that come later.
#[test]
fn sequences_share_keys() -> Result<()> {
    let context = open();
    let attention = Attention { q_heads: 1, total_q: 2, total_k: 6, ..two_sequences() };
    let [q, k, v] = [2, 6, 6].map(|count| Buffer::from_slice(&context, &numbers(count * 16)).unwrap());
    let ints = |list: &[i32]| Buffer::from_slice(&context, list);
    let (starts, used, first) = (ints(&[0, 1, 2])?, ints(&[6, 6])?, ints(&[0, 0])?);
    let mut results = Vec::new();
    for positions in [[5, 5], [0, 0]] {
        let positions = ints(&positions)?;
        let inputs = Inputs {
            seqused_k: Some(&used),
            key_starts: Some(&first),
            query_positions: Some(&positions),
            ..Inputs::new(&q, &k, &v, &starts)
        };
        let mut out = Buffer::<f32>::zeroed(&context, 2 * 16)?;
        context.forward(&attention, &inputs, &mut out, None, &mut Workspace::new(&context))?;
        results.push(out.to_vec()?);
    }
    assert_ne!(results[0], results[1]);
    let first_value = v.to_vec()?; // all that a query at position 0 sees
    assert!(results[1].iter().enumerate().all(|(n, x)| (x - first_value[n % 16]).abs() < 1e-6));
    Ok(())
}

/// Two tokens of one sequence into two pages, then attention to what is there.
#[test]
fn a_paged_cache_is_appended_to_and_read() -> Result<()> {
    let context = open();
    let qkv = Buffer::from_slice(&context, &vec![1.0f32; 2 * 3 * 8])?;
    let [mut k_cache, mut v_cache] = [(); 2].map(|()| Buffer::<f32>::zeroed(&context, 3 * 8).unwrap());
    let starts = Buffer::from_slice(&context, &[0, 2])?;
    let used = Buffer::from_slice(&context, &[0])?;
    let table = Buffer::from_slice(&context, &[2, 0])?;
    let mut now_used = Buffer::<i32>::zeroed(&context, 1)?;
    let cos = Buffer::from_slice(&context, &[1.0f32, 0.0, 0.0, 0.0])?; // position 1: by a right angle
    let sin = Buffer::from_slice(&context, &[0.0f32, 0.0, 1.0, 1.0])?;
    context.kv_append(Append {
        batch: 1,
        kv_heads: 1,
        head_dim: 8,
        value_dim: 0,
        total_new: 2,
        total_k: 0,
        page_size: 1,
        page_table_width: 2,
        page_count: 3,
        k_new: View::heads(&qkv, 3, 1, 8),
        v_new: Some(View::heads(&qkv, 3, 2, 8)),
        k_cache: &mut k_cache,
        v_cache: Some(&mut v_cache),
        scales: None,
        cu_seqlens_new: &starts,
        cu_seqlens_k: None,
        seqused_k: &used,
        page_table: Some(&table),
        seqused_k_out: Some(&mut now_used),
        rotary: Some(Rotary { cos: &cos, sin: &sin, positions: 2, dim: 4, begin: 0, interleaved: false }),
        q: None,
    })?;
    assert_eq!(now_used.to_vec()?, [2]);
    let keys = k_cache.to_vec()?;
    assert_eq!(keys[..8], [-1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], "page 0 has the second token");
    assert_eq!(keys[8..16], [0.0; 8], "page 1 is nobody's");

    let attention = Attention {
        batch: 1,
        q_heads: 1,
        kv_heads: 1,
        head_dim: 8,
        total_q: 2,
        page_size: 1,
        page_table_width: 2,
        page_count: 3,
        ..Attention::default()
    };
    let inputs = Inputs {
        seqused_k: Some(&now_used),
        page_table: Some(&table),
        ..Inputs::new(View::heads(&qkv, 3, 0, 8), &k_cache, &v_cache, &starts)
    };
    let mut out = Buffer::<f32>::zeroed(&context, 2 * 8)?;
    context.forward(&attention, &inputs, &mut out, None, &mut Workspace::new(&context))?;
    assert_eq!(out.to_vec()?, [1.0; 16]);
    context.synchronize()
}

/// Numbers that a float8 holds, times a scale of each head.
#[test]
fn quantised_keys_are_what_their_scales_make_them() -> Result<()> {
    let context = open();
    let attention = Attention { kv_heads: 2, ..two_sequences() };
    let q = Buffer::from_slice(&context, &numbers(5 * 2 * 16))?;
    let bits: Vec<u8> = (0..5 * 2 * 16).map(|i| [0x00, 0x30, 0x38, 0xb8, 0x40][i % 5]).collect();
    let values: Vec<f32> = (0..5 * 2 * 16).map(|i| [0.0, 0.5, 1.0, -1.0, 2.0][i % 5]).collect();
    let scaled: Vec<f32> = values.iter().enumerate().map(|(i, x)| x * [0.25, 3.0][i / 16 % 2]).collect();
    let small = Buffer::from_slice(&context, &bits.iter().map(|x| F8E4M3(*x)).collect::<Vec<_>>())?;
    let large = Buffer::from_slice(&context, &scaled)?;
    let starts = Buffer::from_slice(&context, &[0, 2, 5])?;
    let scales = Buffer::from_slice(&context, &[0.25f32, 3.0])?;
    let per_head = Scales { head_stride: 1, ..Scales::from(&scales) };
    let [mut out, mut expected] = [(); 2].map(|()| Buffer::<f32>::zeroed(&context, 5 * 2 * 16).unwrap());
    let mut workspace = Workspace::new(&context);
    let plain = Inputs { cu_seqlens_k: Some(&starts), ..Inputs::new(&q, &large, &large, &starts) };
    context.forward(&attention, &plain, &mut expected, None, &mut workspace)?;
    let quantised = Inputs {
        cu_seqlens_k: Some(&starts),
        k_scale: Some(per_head),
        v_scale: Some(per_head),
        ..Inputs::new(&q, &small, &small, &starts)
    };
    context.supports::<f32, F8E4M3>(&attention, 0, sys::VARLEN_PASS_FORWARD)?;
    context.forward(&attention, &quantised, &mut out, None, &mut workspace)?;
    let pairs: Vec<_> = out.to_vec()?.into_iter().zip(expected.to_vec()?).collect();
    assert!(pairs.iter().all(|(a, b)| (a - b).abs() < 1e-5) && pairs.iter().any(|(a, _)| *a != 0.0));

    let reaching = Inputs { k_scale: Some(Scales::of_rows(&scales, 0, 2)), ..quantised };
    let refused = context.forward(&attention, &reaching, &mut out, None, &mut workspace).unwrap_err();
    assert_eq!(refused.message, "k_scale has 2 elements, but 10 are reached");
    let mixed = Buffer::<Bf16>::zeroed(&context, 5 * 2 * 16)?;
    let mixed = Inputs { cu_seqlens_k: Some(&starts), ..Inputs::new(&q, &mixed, &mixed, &starts) };
    let refused = context.forward(&attention, &mixed, &mut out, None, &mut workspace).unwrap_err();
    assert!(refused.message.starts_with("kv_dtype"), "{}", refused.message);
    let refused = context.supports::<f32, F8E4M3>(&attention, 0, sys::VARLEN_PASS_BACKWARD).unwrap_err();
    assert!(refused.message.contains("the backward pass takes keys and values of dtype only"), "{}", refused.message);
    Ok(())
}

/// What is appended to a cache of bytes comes back within half of a step of 1/127, by scales that are written or given.
#[test]
fn a_quantised_cache_is_appended_to_and_read() -> Result<()> {
    let context = open();
    let rows = numbers(3 * 16);
    let new = Buffer::from_slice(&context, &rows)?;
    let (starts, used, table) = (
        Buffer::from_slice(&context, &[0, 3])?,
        Buffer::from_slice(&context, &[0])?,
        Buffer::from_slice(&context, &[1, 0])?,
    );
    for given in [false, true] {
        let [mut k_cache, mut v_cache] = [(); 2].map(|()| Buffer::<i8>::zeroed(&context, 2 * 2 * 16).unwrap());
        let [mut k_scale, mut v_scale] = [(); 2].map(|()| Buffer::<f32>::zeroed(&context, 2 * 2).unwrap());
        let shared = Buffer::from_slice(&context, &[0.5f32 / 127.0])?;
        let one = Some(Scales::from(&shared));
        let scales = if given {
            CacheScales::Given { k: one, v: one }
        } else {
            CacheScales::Written { k: &mut k_scale, v: Some(&mut v_scale) }
        };
        let mut now_used = Buffer::<i32>::zeroed(&context, 1)?;
        context.kv_append(Append {
            batch: 1,
            kv_heads: 1,
            head_dim: 16,
            value_dim: 0,
            total_new: 3,
            total_k: 0,
            page_size: 2,
            page_table_width: 2,
            page_count: 2,
            k_new: View::from(&new),
            v_new: Some(View::from(&new)),
            k_cache: &mut k_cache,
            v_cache: Some(&mut v_cache),
            scales: Some(scales),
            cu_seqlens_new: &starts,
            cu_seqlens_k: None,
            seqused_k: &used,
            page_table: Some(&table),
            seqused_k_out: Some(&mut now_used),
            rotary: None,
            q: None,
        })?;
        let attention = Attention {
            batch: 1,
            q_heads: 1,
            kv_heads: 1,
            head_dim: 16,
            total_q: 3,
            page_size: 2,
            page_table_width: 2,
            page_count: 2,
            mask: Mask::Window { left: Some(0), right: Some(0) }, // a query sees its own token
            ..Attention::default()
        };
        let inputs = Inputs {
            seqused_k: Some(&now_used),
            page_table: Some(&table),
            k_scale: if given { one } else { Some(Scales::of_rows(&k_scale, 2, 1)) },
            v_scale: if given { one } else { Some(Scales::of_rows(&v_scale, 2, 1)) },
            ..Inputs::new(&new, &k_cache, &v_cache, &starts)
        };
        let mut out = Buffer::<f32>::zeroed(&context, 3 * 16)?;
        context.forward(&attention, &inputs, &mut out, None, &mut Workspace::new(&context))?;
        let step = 0.5 / 127.0; // no number is beyond 0.5
        assert!(out.to_vec()?.iter().zip(&rows).all(|(a, b)| (a - b).abs() <= step * 0.501), "given: {given}");
    }
    Ok(())
}

#[test]
fn padding_at_the_left_is_skipped() -> Result<()> {
    let context = open();
    let rows = Buffer::from_slice(&context, &[1.0f32; 3 * 8])?;
    let starts = Buffer::from_slice(&context, &[0, 3])?;
    let padding = Buffer::from_slice(&context, &[1])?;
    let attention =
        Attention { batch: 1, q_heads: 1, kv_heads: 1, head_dim: 8, total_q: 3, total_k: 3, ..Attention::default() };
    let inputs = Inputs {
        cu_seqlens_k: Some(&starts),
        leftpad_q: Some(&padding),
        leftpad_k: Some(&padding),
        ..Inputs::new(&rows, &rows, &rows, &starts)
    };
    let mut out = Buffer::<f32>::zeroed(&context, 3 * 8)?;
    context.forward(&attention, &inputs, &mut out, None, &mut Workspace::new(&context))?;
    let values = out.to_vec()?;
    assert_eq!(values[..8], [0.0; 8]);
    assert_eq!(values[8..], [1.0; 16]);
    Ok(())
}

#[test]
fn the_library_refuses_in_words() -> Result<()> {
    let context = open();
    let rows = Buffer::<Bf16>::zeroed(&context, 5 * 2 * 16)?;
    let bad = Buffer::from_slice(&context, &[0, 3, 2])?;
    let mut out = Buffer::<Bf16>::zeroed(&context, 5 * 2 * 16)?;
    let inputs = Inputs { cu_seqlens_k: Some(&bad), ..Inputs::new(&rows, &rows, &rows, &bad) };
    let refused =
        context.forward(&two_sequences(), &inputs, &mut out, None, &mut Workspace::new(&context)).unwrap_err();
    assert_eq!(refused.status, sys::VARLEN_ERROR_BAD_METADATA);
    assert_eq!(refused.message, "cu_seqlens_q[2] = 2 is below cu_seqlens_q[1] = 3");
    assert_eq!(refused.to_string(), format!("VARLEN_ERROR_BAD_METADATA: {}", refused.message));

    let none = Context::open(Some("nothing"), 0).err().unwrap();
    assert_eq!(none.status, sys::VARLEN_ERROR_BACKEND_UNAVAILABLE);
    assert!(none.message.contains("nothing"), "{none}");
    Ok(())
}

#[test]
fn buffers_that_are_too_small_or_elsewhere_are_refused() -> Result<()> {
    let (context, other) = (open(), open());
    let rows = Buffer::<f32>::zeroed(&context, 5 * 2 * 16)?;
    let starts = Buffer::from_slice(&context, &[0, 2, 5])?;
    let short_starts = Buffer::from_slice(&context, &[0, 2])?;
    let mut workspace = Workspace::new(&context);
    let mut words = |inputs: Inputs<f32>, out: &mut Buffer<f32>, lse: Option<&mut Buffer<f32>>| {
        context.forward(&two_sequences(), &inputs, out, lse, &mut workspace).unwrap_err().message
    };
    let inputs = |q, starts_k| Inputs { cu_seqlens_k: Some(starts_k), ..Inputs::new(q, &rows, &rows, &starts) };
    let mut out = Buffer::<f32>::zeroed(&context, 5 * 2 * 16)?;
    let mut short = Buffer::<f32>::zeroed(&context, 5 * 2 * 16 - 1)?;
    let mut lse = Buffer::<f32>::zeroed(&context, 9)?;
    let mut elsewhere = Buffer::<f32>::zeroed(&other, 5 * 2 * 16)?;

    assert_eq!(words(inputs(&rows, &starts), &mut short, None), "out has 159 elements, but 160 are reached");
    assert_eq!(words(inputs(&short, &starts), &mut out, None), "q has 159 elements, but 160 are reached");
    assert_eq!(words(inputs(&rows, &short_starts), &mut out, None), "cu_seqlens_k has 2 elements, but 3 are reached");
    assert_eq!(words(inputs(&rows, &starts), &mut out, Some(&mut lse)), "lse has 9 elements, but 10 are reached");
    assert_eq!(words(inputs(&rows, &starts), &mut elsewhere, None), "out is a buffer of another context");
    let far = View { buffer: &rows, first: 1, token_stride: 32, head_stride: 16 };
    let shifted = Inputs { cu_seqlens_k: Some(&starts), ..Inputs::new(far, &rows, &rows, &starts) };
    assert_eq!(words(shifted, &mut out, None), "q has 160 elements, but 161 are reached");
    let mut target = Buffer::<f32>::zeroed(&context, 4)?;
    assert!(target.write(usize::MAX, &[1.0]).is_err());
    assert!(Buffer::<f32>::zeroed(&context, usize::MAX).is_err());
    Ok(())
}

#[test]
fn problems_are_known_before_their_data() -> Result<()> {
    let context = open();
    let attention = two_sequences();
    context.supports::<Bf16, Bf16>(&attention, sys::VARLEN_FEATURE_SINKS, sys::VARLEN_PASS_BACKWARD)?;
    let odd = Attention { head_dim: 12, ..attention };
    let refused = context.supports::<Bf16, Bf16>(&odd, 0, sys::VARLEN_PASS_FORWARD).unwrap_err();
    assert_eq!(refused.message, "head_dim = 12 is not a multiple of 8");
    let large = Attention { total_q: 5000, total_k: 5000, ..attention };
    let [small, large] = [attention, large].map(|each| {
        context.workspace_size::<f32, f32>(&each, sys::VARLEN_FEATURE_LSE, sys::VARLEN_PASS_BACKWARD).unwrap()
    });
    assert!(0 < small && small < large);
    Workspace::new(&context).reserve(large)
}

#[test]
fn one_context_serves_threads() -> Result<()> {
    let context = open();
    assert_eq!(context.device()?.backend, "cpu");
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let context = context.clone();
            std::thread::spawn(move || Buffer::from_slice(&context, &[number; 100]).unwrap().to_vec().unwrap())
        })
        .collect();
    for (number, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join().unwrap(), [number as i32; 100]);
    }
    Ok(())
}
