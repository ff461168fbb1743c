"""varlen.flash_attn under the name flash_attn."""

import sys
from types import ModuleType


def install() -> None:
    """Registers varlen.flash_attn as the module flash_attn, with its parts flash_attn_interface and bert_padding.

    Code that imports these names afterwards gets varlen's functions. Where flash_attn has been imported already, this is
    refused: modules that hold its functions would keep them.
    """
    import varlen.flash_attn as functions

    present = sys.modules.get("flash_attn")
    if present is not None and not hasattr(present, "__varlen__"):
        raise RuntimeError("flash_attn has been imported already; call varlen.flash_attn.install() before that")
    module = _module("flash_attn", functions)
    module.__path__ = []  # a package: its parts are found in sys.modules
    module.__version__ = "2.8.3"  # the version whose signatures these are, which callers compare with
    module.flash_attn_interface = _module("flash_attn.flash_attn_interface", functions)
    module.bert_padding = _module("flash_attn.bert_padding", functions)


def _module(name: str, functions: ModuleType) -> ModuleType:
    module = ModuleType(name, functions.__doc__)
    module.__varlen__ = True
    for function in functions.__all__:
        setattr(module, function, getattr(functions, function))
    sys.modules[name] = module
    return module
