//! A latent cache: keys alone are appended, and their last columns turn.

use varlen::{Append, Buffer, CacheScales, Context, KeyElement, Result, Rotary};

const DIM: usize = 16;

/// A cache of one sequence with two rows, of which the first is used.
struct Cache<'a> {
    context: &'a Context,
    slots: Buffer<i32>,
    starts: Buffer<i32>,
    used: Buffer<i32>,
}

impl<'a> Cache<'a> {
    fn new(context: &'a Context) -> Result<Self> {
        let [slots, starts] = [[0, 2], [0, 1]].map(|numbers| Buffer::from_slice(context, &numbers));
        Ok(Self { context, slots: slots?, starts: starts?, used: Buffer::from_slice(context, &[1])? })
    }

    fn append<K: KeyElement>(
        &self,
        row: &Buffer<f32>,
        rotary: Rotary,
        rows: &mut Buffer<K>,
        scales: Option<CacheScales>,
    ) -> Result<()> {
        self.context.kv_append(Append {
            batch: 1,
            kv_heads: 1,
            head_dim: DIM,
            value_dim: 0,
            total_new: 1,
            total_k: 2,
            page_size: 0,
            page_table_width: 0,
            page_count: 0,
            k_new: row.into(),
            v_new: None,
            k_cache: rows,
            v_cache: None,
            scales,
            cu_seqlens_new: &self.starts,
            cu_seqlens_k: Some(&self.slots),
            seqused_k: &self.used,
            page_table: None,
            seqused_k_out: None,
            rotary: Some(rotary),
            q: None,
        })
    }
}

#[test]
fn keys_alone_are_appended() -> Result<()> {
    let context = Context::open(Some("cpu"), 0)?;
    let cache = Cache::new(&context)?;
    let row: Vec<f32> = (1..=DIM).map(|n| n as f32).collect();
    let new = Buffer::from_slice(&context, &row)?;
    let cos = Buffer::from_slice(&context, &[1.0f32, 0.0])?; // position 1: by a right angle
    let sin = Buffer::from_slice(&context, &[0.0f32, 1.0])?;
    let rotary = Rotary { cos: &cos, sin: &sin, positions: 2, dim: 2, begin: DIM - 2, interleaved: false };
    let mut turned = row.clone();
    turned[DIM - 2] = -row[DIM - 1];
    turned[DIM - 1] = row[DIM - 2];

    let mut floats = Buffer::<f32>::zeroed(&context, 2 * DIM)?;
    cache.append(&new, rotary, &mut floats, None)?;
    assert_eq!(floats.to_vec()?, [vec![0.0; DIM], turned.clone()].concat());

    let mut quantised = Buffer::<i8>::zeroed(&context, 2 * DIM)?;
    let mut scales = Buffer::<f32>::zeroed(&context, 2)?;
    cache.append(&new, rotary, &mut quantised, Some(CacheScales::Written { k: &mut scales, v: None }))?;
    let scale = scales.to_vec()?[1];
    assert!((scale - 16.0 / 127.0).abs() < 1e-6, "{scale}");
    for (got, want) in quantised.to_vec()?[DIM..].iter().zip(&turned) {
        assert!((f32::from(*got) * scale - want).abs() <= scale * 0.501, "{got} stands for {want}");
    }
    Ok(())
}
