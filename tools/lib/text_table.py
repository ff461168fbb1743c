"""Tables of text, as the scripts of tools/ print them."""

import re

NUMBER = re.compile(r"-|[+-]?\d[\d.x]*[a-f\d]*( ?%)?( -> \d+)?")


def text_table(head, rows):
    """The lines of a table: numbers are aligned to the right, words to the left."""
    table = [[str(cell) for cell in row] for row in [head, *rows]]
    columns = list(zip(*table))
    widths = [max(map(len, column)) for column in columns]
    right = [all(NUMBER.fullmatch(cell) for cell in column[1:] if cell) for column in columns]
    return ["  ".join(cell.rjust(width) if number else cell.ljust(width)
                      for cell, width, number in zip(row, widths, right)).rstrip() for row in table]


def print_table(head, rows):
    """Prints a table, and an empty line after it."""
    print("\n".join(text_table(head, rows)) + "\n")
