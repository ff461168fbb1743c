"""AMD's instructions as llvm-objdump prints them, and the loop that tests of control flow share."""

from gpu_code import amd, mix

# One line per instruction; "name:" marks the next one, and a branch goes to such a name.
LOOP = """
    s_mov_b32 s0, 0
tile:
    s_cbranch_scc1 masked
    v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]
    s_cbranch_vccnz masked
back:
    v_exp_f32_e32 v0, v1
    s_cbranch_execz close
    ds_read_b128 v[0:3], v4
    global_load_dword v0, v[2:3], off
close:
    s_cbranch_scc1 tile
    s_endpgm
masked:
    v_add_f32_e32 v0, v1, v2
    s_branch back
"""


def listing(text):
    """The text as llvm-objdump -d prints it, four bytes per instruction."""
    lines = [line.strip() for line in text.strip().splitlines()]
    addresses, address = {}, 0x1000
    for line in lines:
        if line.endswith(":"):
            addresses[line[:-1]] = address
        else:
            address += 4
    found, address = ["Disassembly of section .text:", "", "0000000000001000 <kernel>:"], 0x1000
    for line in lines:
        if line.endswith(":"):
            continue
        mnemonic, _, operands = line.partition(" ")
        if operands in addresses:
            operands = str((addresses[operands] - address - 4) // 4 & 0xffff)
        found.append(f"\t{mnemonic} {operands}".ljust(60) + f"// {address:012X}: BF800000")
        address += 4
    return "\n".join(found)


def code(text):
    return amd.instructions(listing(text))


def turns(text, architecture="gfx942"):
    return mix.turns(amd, architecture, code(text))
