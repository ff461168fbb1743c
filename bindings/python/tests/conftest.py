"""What tests share: devices that are here, and random tensors."""

import importlib.util

import pytest

# What files of tests need, beside pytest; the first of these that is not here leaves them out, and says so.
NEEDS = {"test_header.py": (), "test_library.py": ("numpy",), "test_wheel.py": ("numpy", "tomllib"),
         "test_transformers.py": ("torch", "transformers")}
WITH_TORCH = ("attention", "examples", "flash_attn", "hugging_face", "kvcache", "torch")
NEEDS.update({f"test_{subject}.py": ("torch",) for subject in WITH_TORCH})

missing = {name: [module for module in modules if importlib.util.find_spec(module) is None]
           for name, modules in NEEDS.items()}
collect_ignore = [name for name, modules in missing.items() if modules]
if importlib.util.find_spec("torch"):
    import torch
else:
    torch = None


def pytest_report_header():
    return [f"SKIPPED: {name}, since there is no {modules[0]} here" for name, modules in missing.items() if modules]


def devices():
    """cpu always; cuda where torch and varlen both have one."""
    found = ["cpu"]
    if torch is not None and torch.cuda.is_available():
        import varlen

        try:
            varlen.Context("cuda:0").close()
        except varlen.VarlenError as error:
            print(f"SKIPPED on cuda: {error}")
        else:
            found.append("cuda")
    return found


def pytest_generate_tests(metafunc):
    if "device" in metafunc.fixturenames:
        metafunc.parametrize("device", devices())


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


def starts_of(lengths):
    """[2, 3, 1] is [0, 2, 5, 6]."""
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + length)
    return starts
