"""Functions in a 64-bit ELF file: those of AMD's code objects, and of NVIDIA's cubins."""

import collections
import struct

MACHINE_CUDA = 190
MACHINE_AMDGPU = 224

Section = collections.namedtuple("Section", "name kind address data link")

SYMBOLS, NO_DATA, FUNCTION = 2, 8, 2


def machine(data):
    """What the file's code runs on, or None if it is no ELF file."""
    return struct.unpack_from("<H", data, 18)[0] if data.startswith(b"\x7fELF\x02") else None


def text_at(data, offset):
    return data[offset:data.index(b"\0", offset)].decode("utf-8", "replace")


def sections(data):
    """All sections, in the order of their numbers."""
    start, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    heads = [struct.unpack_from("<IIQQQQIIQQ", data, start + index * size) for index in range(count)]
    texts = heads[names][4]
    return [Section(text_at(data, texts + head[0]), head[1], head[3],
                    b"" if head[1] == NO_DATA else data[head[4]:head[4] + head[5]], head[6]) for head in heads]


def functions(data):
    """The code of every function, by its symbol."""
    found = {}
    parts = sections(data)
    for table in parts:
        if table.kind != SYMBOLS and table.name != ".dynsym":
            continue
        for offset in range(0, len(table.data), 24):
            name, info, _, index, address, size = struct.unpack_from("<IBBHQQ", table.data, offset)
            if info & 15 == FUNCTION and 0 < index < len(parts):
                start = address - parts[index].address
                found[text_at(parts[table.link].data, name)] = parts[index].data[start:start + size]
    return found
