//! A latent cache: keys alone are appended, and their last columns turn.

use varlen::{Append, Buffer, CacheScales, Context, Result, Rotary};

const DIM: usize = 16;

#[test]
fn keys_alone_are_appended() -> Result<()> {
    let context = Context::open(Some("cpu"), 0)?;
    let row: Vec<f32> = (1..=DIM).map(|n| n as f32).collect();
    let new = Buffer::from_slice(&context, &row)?;
    let (slots, starts) = (Buffer::from_slice(&context, &[0, 2])?, Buffer::from_slice(&context, &[0, 1])?);
    let used = Buffer::from_slice(&context, &[1])?;
    let cos = Buffer::from_slice(&context, &[1.0f32, 0.0])?; // position 1: by a right angle
    let sin = Buffer::from_slice(&context, &[0.0f32, 1.0])?;
    let rotary = Rotary { cos: &cos, sin: &sin, positions: 2, dim: 2, begin: DIM - 2, interleaved: false };
    let mut turned = row.clone();
    turned[DIM - 2] = -row[DIM - 1];
    turned[DIM - 1] = row[DIM - 2];

    let mut cache = Buffer::<f32>::zeroed(&context, 2 * DIM)?;
    context.kv_append(Append {
        batch: 1,
        kv_heads: 1,
        head_dim: DIM,
        value_dim: 0,
        total_new: 1,
        total_k: 2,
        page_size: 0,
        page_table_width: 0,
        page_count: 0,
        k_new: (&new).into(),
        v_new: None,
        k_cache: &mut cache,
        v_cache: None,
        scales: None,
        cu_seqlens_new: &starts,
        cu_seqlens_k: Some(&slots),
        seqused_k: &used,
        page_table: None,
        seqused_k_out: None,
        rotary: Some(rotary),
        q: None,
    })?;
    assert_eq!(cache.to_vec()?, [vec![0.0; DIM], turned.clone()].concat());

    let mut quantised = Buffer::<i8>::zeroed(&context, 2 * DIM)?;
    let mut scales = Buffer::<f32>::zeroed(&context, 2)?;
    context.kv_append(Append {
        batch: 1,
        kv_heads: 1,
        head_dim: DIM,
        value_dim: 0,
        total_new: 1,
        total_k: 2,
        page_size: 0,
        page_table_width: 0,
        page_count: 0,
        k_new: (&new).into(),
        v_new: None,
        k_cache: &mut quantised,
        v_cache: None,
        scales: Some(CacheScales::Written { k: &mut scales, v: None }),
        cu_seqlens_new: &starts,
        cu_seqlens_k: Some(&slots),
        seqused_k: &used,
        page_table: None,
        seqused_k_out: None,
        rotary: Some(rotary),
        q: None,
    })?;
    let scale = scales.to_vec()?[1];
    assert!((scale - 16.0 / 127.0).abs() < 1e-6, "{scale}");
    for (got, want) in quantised.to_vec()?[DIM..].iter().zip(&turned) {
        assert!((f32::from(*got) * scale - want).abs() <= scale * 0.501, "{got} stands for {want}");
    }
    Ok(())
}
