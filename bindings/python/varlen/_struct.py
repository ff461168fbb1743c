"""The base of the header's structs: struct_size is set, and fields take arrays where the header has pointers."""

import ctypes
from typing import Any, Dict, List

from ._arrays import address_of, is_array, strides_of


class Struct(ctypes.Structure):
    """A struct of varlen.h. Fields are given by name; those that are not given are zero, which is the default.

    A field that is a varlen_tensor takes an array of [tokens, heads, dim] or [tokens, dim]; one that is a pointer takes an
    array of the header's element type, an address, or another struct. What is given so is kept alive by the struct.
    """

    _elements_: Dict[str, str] = {}

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        if self._fields_[0][0] == "struct_size":
            self.struct_size = ctypes.sizeof(self)
        if fields:
            self.set(**fields)

    def set(self, **fields: Any) -> None:
        """Sets fields, as the constructor does."""
        kinds = dict(self._fields_)
        for name, value in fields.items():
            if name not in kinds:
                raise TypeError(f"{type(self).__name__} has no field {name}; it has {', '.join(kinds)}")
            setattr(self, name, self._value(name, kinds[name], value))

    def _value(self, name: str, kind: type, value: Any) -> Any:
        if is_array(value):
            self._keep(value)
            if issubclass(kind, Struct):
                address, token_stride, head_stride = strides_of(value, name)
                return kind(data=address, token_stride=token_stride, head_stride=head_stride)
            return address_of(value, name, self._elements_.get(name))
        if isinstance(value, Struct):
            self._keep(value)
            return ctypes.addressof(value) if kind is ctypes.c_void_p else value
        return value.encode() if isinstance(value, str) else value

    def _keep(self, value: Any) -> None:
        kept: List[Any] = self.__dict__.setdefault("_kept", [])
        kept.append(value)

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name, _ in self._fields_ if name != "struct_size")
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in fields if value)})"
