"""Which of several devices of an execution provider is to run, such as `CUDA:1`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lungdb.errors import ASK_DOCTOR, ErrorNumber, ProcedureError

WITH_DEVICES = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "DmlExecutionProvider")
"""Those whose option `device_id` chooses one; OpenVINO names its devices otherwise, and a CPU is one."""

_ON_NVIDIA = WITH_DEVICES[:2]
_LISTED = Path("/proc/driver/nvidia/gpus")  # Linux's NVIDIA driver has a folder a GPU there


def split_device(name: str) -> tuple[str, int | None]:
    """Split `CUDA:1` into the provider's name and the number of its device; None where the name has none.

    Raises
    ------
    ProcedureError
        50340 when what follows the colon is no whole number from 0.
    """
    provider, colon, number = name.partition(":")
    if not colon:
        return name, None
    number = number.strip()
    if not (number.isascii() and number.isdigit()):
        raise ProcedureError(
            ErrorNumber.UNKNOWN_DEVICE,
            f"The device {name!r} is not supported. Give a number from 0 after the colon, such as CUDA:1.",
        )
    return provider.strip(), int(number)


def chosen_devices(named: Sequence[tuple[str, int | None]], gpus: int | None = None) -> dict[str, int]:
    """Give the device of each provider that one was named for.

    Parameters
    ----------
    named : sequence of (str, int or None)
        Providers as ONNX Runtime names them, with the number of a device or None.
    gpus : int, optional
        How many GPUs the NVIDIA driver has; None counts them, and 0, where it lists none, refuses nothing: a provider
        that is not there is passed over, so that one setting does for machines with and without a GPU.

    Raises
    ------
    ProcedureError
        50340 for a provider without devices, for two devices of one provider, and for a number that the driver lacks.
    """
    count = _gpus() if gpus is None else gpus
    devices: dict[str, int] = {}
    for provider, device in named:
        if device is None:
            continue
        asked = f"The device {provider}:{device} is not supported:"
        if provider not in WITH_DEVICES:
            refuse = f"{provider} takes no number. Leave it out; {', '.join(WITH_DEVICES)} take one."
        elif devices.get(provider, device) != device:
            refuse = f"{provider} is also named with device {devices[provider]}. Name one of them."
        elif provider in _ON_NVIDIA and count and device >= count:
            there = f"the NVIDIA driver lists {count}, from 0 to {count - 1}"
            refuse = f"{there}. Name one of those, or leave it out. {ASK_DOCTOR}"
        else:
            devices[provider] = device
            continue
        raise ProcedureError(ErrorNumber.UNKNOWN_DEVICE, f"{asked} {refuse}")
    return devices


def _gpus() -> int:
    try:
        return sum(1 for _ in _LISTED.iterdir())
    except OSError:
        return 0
