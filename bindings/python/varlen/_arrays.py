"""Arrays of NumPy, or of anything else that has __array_interface__, as addresses and strides."""

from typing import Any, Optional, Tuple

# __array_interface__ writes a type as byte order, kind and size.
_TYPES = {"int32": "i4", "float32": "f4", "uint64": "u8"}


def is_array(value: Any) -> bool:
    return hasattr(value, "__array_interface__")


def _layout(array: Any) -> "Tuple[int, Tuple[int, ...], Tuple[int, ...], str]":
    """Address, shape, strides in bytes, type."""
    interface = array.__array_interface__
    shape, kind = interface["shape"], interface["typestr"]
    strides = interface.get("strides")
    if strides is None:
        strides, step = [], int(kind[2:])
        for count in reversed(shape):
            strides.insert(0, step)
            step *= count
    return interface["data"][0], shape, tuple(strides), kind


def address_of(array: Any, name: str, elements: Optional[str]) -> int:
    """The address of a dense array whose elements are what the header says."""
    address, shape, strides, kind = _layout(array)
    if elements and kind[1:] != _TYPES[elements]:
        raise TypeError(f"{name} has elements of {kind[1:]}; it must be an array of {elements}")
    step = int(kind[2:])
    for count, stride in zip(reversed(shape), reversed(strides)):
        if stride != step and count > 1:
            raise ValueError(f"{name} has strides of {strides} bytes; it must be dense")
        step *= count
    return address


def strides_of(array: Any, name: str) -> "Tuple[int, int, int]":
    """Address, token stride and head stride, in elements, of [tokens, heads, dim] or [tokens, dim].

    More dimensions in front are pages: the last three count.
    """
    address, shape, strides, kind = _layout(array)
    size = int(kind[2:])
    if len(shape) < 2:
        raise ValueError(f"{name} has {len(shape)} dimensions; it must be [tokens, heads, dim] or [tokens, dim]")
    if strides[-1] != size and shape[-1] > 1:
        raise ValueError(f"{name} has a stride of {strides[-1]} bytes along dim; it must be one element, {size}")
    token, head = strides[-3:-1] if len(shape) > 2 else (strides[0], size * shape[-1])
    for stride in (token, head):
        if stride % size:
            raise ValueError(f"{name} has strides of {strides} bytes; they must be multiples of an element, {size}")
    # What was broadcast has stride 0, which the library writes as EXPANDED, -1.
    return address, token // size or -1, head // size or -1
