"""varlen: packed, variable-length attention on any machine.

The library itself, as varlen.h has it: Context and the structs, constants and errors below. For torch tensors there are
three doors: varlen.flash_attn has FlashAttention's functions, varlen.torch those of torch.nn.attention.varlen, and
varlen.transformers makes "varlen" an attention implementation of Hugging Face models.
"""

from ._context import Context
from ._describe import add_backend_folder, backends, device, environment, search_folders, set_log_sink, version
from ._errors import (BackendUnavailableError, BadMetadataError, DeviceError, InternalError, InvalidArgumentError,
                      OutOfMemoryError, UnsupportedError, VarlenError)
from ._header import *  # noqa: F401,F403  structs, enumerations and constants
from ._header import VERSION_MAJOR, VERSION_MINOR, VERSION_PATCH

__version__ = f"{VERSION_MAJOR}.{VERSION_MINOR}.{VERSION_PATCH}"
