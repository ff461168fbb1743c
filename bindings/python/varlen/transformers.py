"""varlen as an attention implementation of Hugging Face transformers.

    import varlen.transformers
    varlen.transformers.register()
    model = AutoModel.from_pretrained(path, attn_implementation="varlen")

A model's batch may be padded, with an attention_mask: tokens are packed for attention and padded after it. Or it may be
packed: one row of all tokens with position_ids that start again at each sequence, or with cu_seq_lens_q, cu_seq_lens_k,
max_length_q and max_length_k; then nothing is padded anywhere. Windows, softcap and sinks are the model's own.
"""



from ._torch.hf_attention import attention_forward
from ._torch.hf_masks import padding_mask

__all__ = ["register", "NAME"]

NAME = "varlen"


def register(name: str = NAME) -> None:
    """Makes attn_implementation=name known to transformers, 4.48 or later."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(name, attention_forward)
    AttentionMaskInterface.register(name, padding_mask)


