"""A cubin with a kernel or two, and a cuobjdump that prints what was recorded of them."""

import os
import struct

USAGE = """
Fatbin elf code:
================
arch = sm_80
code version = [1,8]
host = linux
compile_size = 64bit
compressed

Resource usage:
 Common:
  GLOBAL:0
 Function _Z14forward_kernelI13__nv_bfloat16Li64ELi64ELb0EEv17forward_arguments:
  REG:230 STACK:0 SHARED:0 LOCAL:0 CONSTANT[2]:12 CONSTANT[0]:824 TEXTURE:0 SURFACE:0 SAMPLER:0

Fatbin elf code:
================
arch = sm_90a
code version = [1,8]
host = linux
compile_size = 64bit
compressed

Resource usage:
 Common:
  GLOBAL:0
 Function _Z14forward_kernelI13__nv_bfloat16Li64ELi64ELb0EEv17forward_arguments:
  REG:255 STACK:8 SHARED:1024 LOCAL:0 CONSTANT[2]:12 CONSTANT[0]:1000 TEXTURE:0 SURFACE:0 SAMPLER:0
"""

# What it prints of the second cubin alone.
CUBIN_USAGE = "\nResource usage:" + USAGE.split("Resource usage:")[2]

FORWARD = "_Z14forward_kernelI13__nv_bfloat16Li64ELi64ELb0EEv17forward_arguments"

# Shortened, with the addresses that the loop needs.
SASS = """
	code for sm_90a
		Function : _Z14forward_kernelI13__nv_bfloat16Li64ELi64ELb0EEv17forward_arguments
	.headerflags	@"EF_CUDA_64BIT_ADDRESS EF_CUDA_SM90 EF_CUDA_VIRTUAL_SM(EF_CUDA_SM90)"
        /*0000*/                   LDC R1, c[0x0][0x28] ;                              /* 0x00000a00ff017b82 */
                                                                                       /* 0x000ff00000000800 */
        /*0010*/              @!P0 BRA 0x80 ;                                          /* 0x0000000c00248947 */
        /*0020*/                   HMMA.16816.F32.BF16 R4, R8, R12, R4 ;               /* 0x0000000c0804723c */
        /*0030*/                   LDGSTS.E.BYPASS.LTC128B.128 [R3], desc[UR8][R6.64] ; /* 0x0000000006037fae */
        /*0040*/                   MUFU.EX2 R4, R4 ;                                   /* 0x0000000400047308 */
        /*0050*/               @P1 BRA 0x20 ;                                          /* 0xfffffff800942947 */
        /*0060*/                   STL [R1], R4 ;                                      /* 0x0000000401007387 */
        /*0070*/                   EXIT ;                                              /* 0x000000000000794d */
        /*0080*/                   BRA 0x80;                                           /* 0xfffffffc00fc7947 */
        /*0090*/                   NOP;                                                /* 0x0000000000007918 */
		..........
"""


def cubin(code, threads=(128, 1, 1), symbol=FORWARD):
    """An ELF file with this code as its one function."""
    names = b"\0.text\0.symtab\0.strtab\0.nv.info." + symbol.encode() + b"\0"
    parts = [("", 0, b"", 0), (".text", 1, code, 0),
             (".symtab", 2, bytes(24) + struct.pack("<IBBHQQ", 1, 2, 0, 1, 0, len(code)), 3),
             (".strtab", 3, b"\0" + symbol.encode() + b"\0", 0),
             (f".nv.info.{symbol}", 0x70000000,
              struct.pack("<BBH", 3, 27, 255) + struct.pack("<BBHIII", 4, 5, 12, *threads), 0),
             (".shstrtab", 3, names + b".shstrtab\0", 0)]
    texts = parts[-1][2]
    body, heads = b"", b""
    for name, kind, data, link in parts:
        place = texts.index(name.encode() + b"\0")
        heads += struct.pack("<IIQQQQIIQQ", place, kind, 0, 0, 64 + len(body), len(data), link, 0, 1, 0)
        body += data
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 2, 190, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, len(parts), len(parts) - 1)
    return head + body + heads


def write_program(path, text):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(path, 0o755)


def write_cuobjdump(path):
    """A file FILE.usage or FILE.sass beside FILE stands for what is recorded here; FILE.cubin is what FILE holds, for
    two architectures."""
    write_program(path, f"""#!/bin/sh
for file; do :; done
case "$*" in
    *-xelf*) cp "$file.cubin" plugin.1.sm_80.cubin && cp "$file.cubin" plugin.2.sm_90a.cubin ;;
    *-res-usage*) if [ -e "$file.usage" ]; then cat "$file.usage"; else cat <<'END'
{CUBIN_USAGE}
END
    fi ;;
    *-sass*) if [ -e "$file.sass" ]; then cat "$file.sass"; else cat <<'END'
{SASS}
END
    fi ;;
esac
""")
