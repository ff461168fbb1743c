#!/usr/bin/env python3
"""Prints a header with its comments as Doxygen takes them: doxygen_filter.py HEADER

Comments in the headers are plain ones, laid out to be read as they are. Of those

  - the file's first documents the file, and that of varlen.h is the first page;
  - one that stands above a declaration documents it, or all of those that follow without a blank line; above macros that
    have comments of their own it is the description of a group, which its first sentence names;
  - one behind a field, an enumerator or a macro documents that one;
  - a ruler, /* ---- Contexts ---- */, begins a module.

Blocks that are indented after an empty line are shown as they are; elsewhere, what Doxygen would take for commands, tags
or links is escaped."""

import os
import re
import sys

STRUCT_SIZE = "/**< sizeof the struct */"  # of all structs, as the first page says
RULER = re.compile(r"/\* -{4} (.*?) -{4,} \*/$")


def escaped(line):
    line = re.sub(r'([\\@<>&#%"])', r"\\\1", line)
    line = re.sub(r"`([^`]+)`", r"<code>\1</code>", line)
    return re.sub(r"^( *)\d+\. ", r"\1-# ", line)


def body(comment):
    """The lines of a comment, without its marks, as Doxygen takes them."""
    lines = [re.sub(r"^ *\* ?", "", line).rstrip() for line in comment[2:-2].strip().split("\n")]
    out, block = [], False
    for previous, line in zip([""] + lines, lines):
        indented = line.startswith("    ")
        if not block and indented and not previous and out:
            out.append("@verbatim")
            block = True
        if block and line and not indented:
            out.append("@endverbatim")
            block = False
        out.append(line if block else escaped(line))
    return out + (["@endverbatim"] if block else [])


def documentation(lines, command="", mark="/**"):
    return "\n".join([f"{mark} {command}".rstrip(), *lines, "*/"])


def group(lines, title=None):
    """What stands before and after declarations with one documentation."""
    if title is None:
        return ["/** @{ */", documentation(lines)], ["/** @} */"]
    return [documentation([f"@name {title}", *lines]), "/** @{ */"], ["/** @} */"]


def first_sentence(lines):
    return re.split(r"(?<=[a-z])[.:;] ", " ".join(lines) + " ")[0]


class Header:
    def __init__(self, path):
        self.name = os.path.basename(path)
        with open(path, encoding="utf-8") as stream:
            self.rest = stream.read().split("\n")
        self.out, self.is_first, self.module = [], True, False

    def take_comment(self):
        """The comment that begins on the next line, and what stands before it there."""
        start = self.rest[0].index("/*")
        before, lines = self.rest[0][:start], [self.rest.pop(0)[start:]]
        while "*/" not in lines[-1]:
            lines.append(self.rest.pop(0))
        comment, after = "\n".join(lines).split("*/", 1)
        assert not after.strip(), after
        return before, comment + "*/"

    def begin_module(self, title):
        self.end_module()
        name = re.sub(r"\W+", "_", title.lower())
        self.out.append(f"/** @defgroup {name} {title}\n@{{ */")
        self.module = True

    def end_module(self):
        if self.module:
            self.out.append("/** @} */")
        self.module = False

    def take_declarations(self):
        """Lines up to the next empty one, or one that ends a struct or an enumeration or begins a comment of its own."""
        lines = []
        while self.rest and self.rest[0].strip() and not self.rest[0].lstrip().startswith(("/*", "}", "#else", "#endif")):
            if "/*" in self.rest[0]:
                before, comment = self.take_comment()
                lines.append(before + documentation(body(comment), mark="/**<"))
            else:
                lines.append(self.rest.pop(0).replace(" struct_size;", f" struct_size; {STRUCT_SIZE}"))
            if lines[-1].rstrip().endswith("{"):
                break
        return lines

    def add_documented(self, comment):
        lines = body(comment)
        while self.rest and self.rest[0].startswith("#if"):
            self.out.append(self.rest.pop(0))
        declarations = self.take_declarations()
        before, after = [documentation(lines)], []
        macros = [line for line in declarations if line.startswith("#define")]
        if len(macros) > 1:
            before, after = group(lines, first_sentence(lines) if all("/**<" in line for line in macros) else None)
        elif sum("VARLEN_API" in line or ";" in line for line in declarations) > 1 and "{" not in "".join(declarations):
            before, after = group(lines)
        self.out += [*before, *declarations, *after]

    def add_line(self):
        line = self.rest[0]
        ruler = RULER.match(line)
        if ruler:
            self.rest.pop(0)
            self.begin_module(ruler[1])
        elif line.lstrip().startswith("/*"):
            _, comment = self.take_comment()
            if self.is_first:
                self.out.append(documentation(body(comment), "@mainpage varlen\n" if self.name == "varlen.h" else "@file"))
                self.is_first = False
            else:
                self.add_documented(comment)
        elif "/*" in line:
            self.out += self.take_declarations()
        else:
            if line == "#ifdef __cplusplus" and self.module:
                self.end_module()
            self.out.append(self.rest.pop(0).replace(" struct_size;", f" struct_size; {STRUCT_SIZE}"))

    def convert(self):
        while self.rest:
            self.add_line()
        if self.name == "varlen.h":
            self.out.insert(0, "/** @file\nThe API: all that a program calls. The first page tells how. */")
        return "\n".join(self.out)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(Header(sys.argv[1]).convert())
