"""What tests share: devices that are here, and random tensors."""

import functools
import importlib.util

import pytest

# What files of tests need, beside pytest; the first of these that is not here leaves them out, and says so.
NEEDS = {"test_header.py": (), "test_library.py": ("numpy",), "test_wheel.py": ("numpy", "tomllib"),
         "test_transformers.py": ("torch", "transformers")}
WITH_TORCH = ("attention", "examples", "flash_attn", "hugging_face", "kvcache", "positions", "row_masks", "torch")
NEEDS.update({f"test_{subject}.py": ("torch",) for subject in WITH_TORCH})

missing = {name: [module for module in modules if importlib.util.find_spec(module) is None]
           for name, modules in NEEDS.items()}
collect_ignore = [name for name, modules in missing.items() if modules]
if importlib.util.find_spec("torch"):
    import torch
else:
    torch = None


@functools.lru_cache(maxsize=None)
def why_not_on_cuda():
    """Why no test runs on CUDA tensors, or None where they do."""
    if torch is None or not torch.cuda.is_available():
        return "torch has no such device here"
    import varlen

    try:
        varlen.Context("cuda:0").close()
    except varlen.VarlenError as error:
        return str(error)
    return None


def pytest_terminal_summary(terminalreporter):
    for name, modules in missing.items():
        if modules:
            terminalreporter.write_line(f"SKIPPED: {name}, since there is no {modules[0]} here")
    if torch is not None and why_not_on_cuda():
        terminalreporter.write_line(f"SKIPPED on CUDA tensors: {why_not_on_cuda()}")


def pytest_generate_tests(metafunc):
    if "device" in metafunc.fixturenames:
        metafunc.parametrize("device", ["cpu"] if why_not_on_cuda() else ["cpu", "cuda"])


@pytest.fixture
def dtypes(device):
    """Those of a device's attention."""
    sixteen = [torch.float16, torch.bfloat16]
    return sixteen if device == "cuda" else [torch.float32, *sixteen]


@pytest.fixture
def dtype(dtypes):
    """The first of them, for tests where it does not matter."""
    return dtypes[0]


@pytest.fixture
def draw(device):
    """draw(shape..., dtype=): standard normal numbers, the same at each run."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape, dtype=torch.float32, requires_grad=False):
        values = torch.randn(shape, generator=generator, dtype=torch.float32).to(dtype).to(device)
        return values.requires_grad_(requires_grad)

    return normal


@pytest.fixture
def deterministic():
    """Gradients have the same bits at each run, as the CPU's always have."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def starts_of(lengths):
    """[2, 3, 1] is [0, 2, 5, 6]."""
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + length)
    return starts
