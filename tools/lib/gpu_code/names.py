"""Symbols of kernels, taken apart: the name in the project's words, the types and the numbers of the template."""

import collections
import re

# Words of the project for what a type is called in a symbol.
TYPES = {"DF16_": "float16", "DF16b": "bfloat16", "__half": "float16", "__nv_bfloat16": "bfloat16", "f": "float32",
         "h": "uint8", "t": "uint16", "j": "uint32", "m": "uint64", "i": "int32", "x": "int64", "l": "int64",
         "b": "bool", "c": "char", "a": "int8", "s": "int16", "d": "float64", "v": "void"}

Name = collections.namedtuple("Name", "kernel types numbers flags")

NO_TEMPLATE = ([], [], [])


class Symbol:
    """Reads a mangled name from left to right, as far as kernels' names go."""

    def __init__(self, text):
        self.text = text
        self.position = 0
        self.known = []  # what S_, S0_ ... stand for

    def take(self, pattern):
        match = re.compile(pattern).match(self.text, self.position)
        if match:
            self.position = match.end()
        return match

    def source_name(self):
        length = self.take(r"\d+")
        if not length:
            return None
        start = self.position
        self.position += int(length[0])
        return self.text[start:self.position]

    def nested_name(self):
        """The last name of those up to E, and its template's; the namespaces around it go."""
        name, arguments = None, NO_TEMPLATE
        while not self.take("E"):
            if name and self.take("I"):
                arguments = self.template()
                continue
            name, arguments = self.source_name(), NO_TEMPLATE
            if not name:
                raise ValueError
        return name, arguments

    def type(self):
        again = self.take(r"S(\d*)_")
        if again:
            return self.known[int(again[1]) + 1 if again[1] else 0]
        self.take("[PKRO]+")
        builtin = self.take(r"DF16_|DF16b|[a-z]")
        if builtin:
            return TYPES.get(builtin[0], builtin[0])
        name = self.nested_name()[0] if self.take("N") else self.source_name()
        if not name:
            raise ValueError
        name = TYPES.get(name, name)
        self.known.append(name)
        if self.take("I"):
            self.template()
            self.known.append(name)
        return name

    def template(self):
        """The types, numbers and truth values up to E."""
        types, numbers, flags = [], [], []
        while not self.take("E"):
            literal = self.take(r"L([a-z])(n?\d+)E")
            if literal and literal[1] == "b":
                flags.append(literal[2] == "1")
            elif literal:
                numbers.append(int(literal[2].replace("n", "-")))
            else:
                types.append(self.type())
        return types, numbers, flags


def demangled(text):
    """A kernel's Name. A symbol that cannot be read is its own name."""
    symbol = Symbol(text)
    try:
        if not symbol.take("_ZL?"):
            raise ValueError
        if symbol.take("NL?"):
            name, found = symbol.nested_name()
        else:
            name, found = symbol.source_name(), NO_TEMPLATE
            symbol.known.append(name)
            found = symbol.template() if symbol.take("I") else found
    except (ValueError, IndexError):
        return Name(text, *NO_TEMPLATE)
    return Name(re.sub(r"_kernel$", "", name or text), *found)
