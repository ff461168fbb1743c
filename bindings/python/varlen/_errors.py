"""What the library refuses or reports, as exceptions with its message."""

from ._header import Status


class VarlenError(RuntimeError):
    """A call failed. The message is the library's: the argument, its value and the rule."""


class InvalidArgumentError(VarlenError, ValueError):
    """An argument breaks its rule, whatever the backend."""


class UnsupportedError(VarlenError, NotImplementedError):
    """A legal request that this backend or device does not do."""


class BackendUnavailableError(VarlenError):
    """No such backend, or it could not be loaded, or it has no such device."""


class BadMetadataError(VarlenError, ValueError):
    """The contents of cu_seqlens, lengths or page tables break their rules."""


class OutOfMemoryError(VarlenError, MemoryError):
    """Host or device memory ran out."""


class DeviceError(VarlenError):
    """The vendor's runtime reported a failure, which the message quotes."""


class InternalError(VarlenError):
    """A defect in varlen or in a backend."""


BY_STATUS = {
    Status.ERROR_INVALID_ARGUMENT: InvalidArgumentError,
    Status.ERROR_UNSUPPORTED: UnsupportedError,
    Status.ERROR_BACKEND_UNAVAILABLE: BackendUnavailableError,
    Status.ERROR_BAD_METADATA: BadMetadataError,
    Status.ERROR_OUT_OF_MEMORY: OutOfMemoryError,
    Status.ERROR_DEVICE: DeviceError,
    Status.ERROR_INTERNAL: InternalError,
}
