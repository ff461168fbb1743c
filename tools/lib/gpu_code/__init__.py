"""What compilers made of the GPU kernels: the parts of tools/gpu_code.

    command         the command line and what is printed
    plugin          a plugin or object file, read by the vendor's module
    amd, nvidia     a vendor's code objects, resources and disassembly, and what its instructions cost
    kernel          one kernel: its name in the project's words, its resources, its code
    names           symbols, taken apart
    elf             functions in an ELF file
    control_flow    blocks, loops and paths of a kernel's instructions
    mix             instructions by class: of a whole kernel, and of one turn of its main loop
    compare         the kernels of two files side by side
    checks          what a kernel must keep to
    programs        the compilers' tools
"""
