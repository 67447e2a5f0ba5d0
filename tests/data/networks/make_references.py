"""Write the files that README.md lists under "By make_references.py", with the libraries whose formats they are.

Needs torch, torchvision, timm, transformers and safetensors. Run it in this folder.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
from pathlib import Path

import numpy as np
import timm.models.resnet
import torch
import torchvision
from safetensors.torch import load_file, save_file
from transformers import ResNetConfig, ResNetForImageClassification

NETWORKS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "alexnet")


def write_tensors() -> None:
    """One small state dict of every kind of number and view, in each form, and the float32 that PyTorch makes of it."""
    generator = torch.Generator().manual_seed(7)
    storage = torch.randn(60, generator=generator, dtype=torch.float64)
    matrix = storage[:20].reshape(4, 5)
    tensors = {
        "double": matrix.clone(),
        "single": matrix.float(),
        "half": matrix.half(),
        "brain": matrix.bfloat16(),
        "scalar": torch.tensor(2.5),
        "transposed": matrix.t(),
        "transposed_brain": matrix.bfloat16().t(),
        "strided": storage[3:43:2].reshape(4, 5)[:, 1::2],
        "repeated": storage[7:10].reshape(3, 1).expand(3, 4),
        "shared": storage[2:8],
        "parameter": torch.nn.Parameter(matrix[1].float().clone()),
        "norm.num_batches_tracked": torch.tensor(9),
    }
    torch.save(tensors, "tensors.zip.pth")
    torch.save(tensors, "tensors.protocol4.pth", pickle_protocol=4)
    torch.save(tensors, "tensors.legacy.pth", _use_new_zipfile_serialization=False)
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, "tensors.safetensors")
    del tensors["norm.num_batches_tracked"]
    np.savez("tensors.reference.npz", **{name: tensor.detach().float().numpy() for name, tensor in tensors.items()})


def write_checkpoint() -> None:
    """What a training script saves, of a network inside DataParallel."""
    network = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(torch.ones(2, 3)).square().sum().backward()
    optimiser.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [30, 60])
    torch.save(
        {
            "epoch": 3,
            "arch": "resnet18",
            "state_dict": network.state_dict(),
            "best_acc1": torch.tensor(51.5),
            "score": np.float64(0.5),
            "optimizer": optimiser.state_dict(),
            "scheduler": schedule.state_dict(),
            "args": argparse.Namespace(lr=0.1),
        },
        "checkpoint.pth",
    )
    inner = network.module.state_dict()
    np.savez("checkpoint.reference.npz", **{name: value.numpy() for name, value in inner.items() if value.ndim})


def write_refused() -> None:
    """A pickled module, and a TorchScript program."""
    torch.save(torch.nn.Linear(3, 2), "module.zip.pth")
    legacy = Path("module.legacy.pth")
    torch.save(torch.nn.Linear(3, 2), legacy, _use_new_zipfile_serialization=False)
    # This form names the source file of each module, with the path on the machine that wrote it.
    source = inspect.getfile(torch.nn.Linear).encode()
    legacy.write_bytes(legacy.read_bytes().replace(source, b"linear.py".rjust(len(source), b"_")))
    torch.jit.save(torch.jit.script(torch.nn.Linear(3, 2)), "script.pt")


def shake(network: torch.nn.Module) -> None:
    """Give batch normalisation other values than those it starts with, so that a swapped one shows."""
    for name, value in network.state_dict().items():
        if value.ndim == 1:
            value.uniform_(0.5, 1.5) if name.endswith(("weight", "running_var")) else value.normal_(0, 0.3)


def write_other_libraries() -> None:
    """Thin ResNets of transformers and timm, and what these compute."""
    pictures = torch.from_numpy(np.load("input_224.npy"))
    for kind, widths in (("basic", [8, 12, 16, 20]), ("bottleneck", [16, 24, 32, 40])):
        torch.manual_seed(11)
        config = ResNetConfig(embedding_size=8, hidden_sizes=widths, depths=[2, 1, 2, 1], layer_type=kind, num_labels=5)
        network = ResNetForImageClassification(config).eval()
        shake(network)
        with torch.no_grad():
            states = network(pictures, output_hidden_states=True)
            pooled = network.resnet(pictures).pooler_output.flatten(1)
        save_file(network.state_dict(), f"transformers_{kind}.safetensors")
        layers = {f"layer{n}_mean": states.hidden_states[n].mean((2, 3)).numpy() for n in range(1, 5)}
        np.savez(
            f"transformers_{kind}.reference.npz", logits=states.logits.numpy(), penultimate=pooled.numpy(), **layers
        )
    torch.manual_seed(12)
    blocks = timm.models.resnet.BasicBlock
    network = timm.models.resnet.ResNet(blocks, [1, 1, 1, 1], num_classes=5, channels=(8, 12, 16, 20)).eval()
    shake(network)
    with torch.no_grad():
        logits = network(pictures).numpy()
        pooled = network.forward_head(network.forward_features(pictures), pre_logits=True).numpy()
    torch.save(network.state_dict(), "timm_basic.pth")
    np.savez("timm_basic.reference.npz", logits=logits, penultimate=pooled)


def write_alexnet_sizes() -> None:
    """What torchvision's AlexNet computes from the thin weights on pictures of other sizes than 224 and 227."""
    weights = load_file("alexnet_thin.safetensors")
    network = torchvision.models.AlexNet(num_classes=weights["classifier.6.bias"].numel()).eval()
    for name, module in list(network.named_modules()):
        if f"{name}.weight" in weights:
            module.weight = torch.nn.Parameter(weights[f"{name}.weight"])
            module.bias = torch.nn.Parameter(weights[f"{name}.bias"])
    picture = torch.from_numpy(np.load("input_227.npy")[:1])
    references = {}
    with torch.no_grad():
        for size in (63, 100, 200, 256, 448):
            resized = picture.repeat(1, 1, 2, 2)[:, :, :size, :size]
            references[f"features_{size}"] = network.avgpool(network.features(resized)).numpy()[:, ::8]
            references[f"logits_{size}"] = network(resized).numpy()
    np.savez("alexnet_thin.reference_sizes.npz", **references)


def write_parameters() -> None:
    """Number and digest of the parameters' names and shapes in torchvision's networks."""
    parameters = {}
    for name in NETWORKS:
        with torch.device("meta"):
            state = getattr(torchvision.models, name)().state_dict()
        lines = sorted(f"{key} {list(value.shape)}" for key, value in state.items() if "num_batches" not in key)
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        parameters[name] = {"names": len(lines), "sha256": digest}
    with open("parameters.json", "w", encoding="utf-8") as file:
        json.dump(parameters, file, indent=1)
        file.write("\n")


write_tensors()
write_checkpoint()
write_refused()
write_other_libraries()
write_alexnet_sizes()
write_parameters()
thin = load_file("resnet50_thin.safetensors")
torch.save(thin, "resnet50_thin.legacy.pth", _use_new_zipfile_serialization=False)
