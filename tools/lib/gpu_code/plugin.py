"""A plugin or object file with GPU code, read by the module of its vendor."""

import os
import sys

from gpu_code import amd, nvidia
from gpu_code.kernel import Kernel


class Plugin:
    """The kernels of a file, in order. `folder` is a scratch folder of its own."""

    def __init__(self, path, compiler, folder):
        self.path = path
        try:
            with open(path, "rb") as stream:
                data = stream.read()
        except OSError as error:
            sys.exit(str(error))
        vendors = [vendor for vendor in (nvidia, amd) if vendor.holds_code(data)]
        if not vendors:
            sys.exit(f"{path} holds neither NVIDIA's nor AMD's code")
        self.vendor = vendors[0]
        os.makedirs(folder)
        self.reader = self.vendor.Reader(compiler, folder)
        self.kernels = sorted(self.reader.kernels(data, path), key=Kernel.order)
        if not self.kernels:
            sys.exit(f"{path} contains no kernels")
