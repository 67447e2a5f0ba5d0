"""Write the files of this folder: small networks that pool, as torch.onnx exports them, and what PyTorch makes of rows.

Needs torch and onnxscript. Run it in this folder.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

WIDTH = 5
ROWS = (1, 2, 7, 33, 120)


class Gru(nn.Module):
    """A GRU read in both directions, and a layer on its last states."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.last = nn.GRU(WIDTH, 6, batch_first=True, bidirectional=True), nn.Linear(12, 4)

    def forward(self, rows: Tensor) -> Tensor:
        """Give float32[N, 4] of float32[N, rows, width]."""
        states = self.gru(rows)[1]
        return torch.tanh(self.last(torch.cat([states[0], states[1]], 1)))


class Lstm(nn.Module):
    """An LSTM of two layers over float32[rows, N, width]."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(WIDTH, 3, num_layers=2)

    def forward(self, rows: Tensor) -> Tensor:
        """Give the last state of the upper layer, float32[N, 3]."""
        states: Tensor = self.lstm(rows)[1][0]
        return states[1]


class Attention(nn.Module):
    """A transformer's layer over rows that know their place, and a sum of them that attention weighs."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.query = nn.Linear(8, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Give float32[N, 8] of float32[N, rows, width]."""
        place = torch.arange(rows.shape[1], dtype=torch.float32)[None, :, None]
        seen = self.layer(self.first(rows) + torch.sin(place * 0.1 * torch.arange(1, 9)))
        return (torch.softmax(self.query(seen), 1) * seen).sum(1)


def main() -> None:
    """Write the networks and what they give."""
    torch.manual_seed(21)
    chance = np.random.default_rng(21)
    scans = {rows: chance.standard_normal((rows, WIDTH), dtype=np.float32) for rows in ROWS}
    given = {f"rows_{rows}": scan for rows, scan in scans.items()}
    for name, network in {"gru": Gru(), "lstm": Lstm(), "attention": Attention()}.items():
        network.eval()
        place = 1 if name == "lstm" else 0
        example = torch.zeros(1, 9, WIDTH).movedim(1, 1 - place)
        if name == "attention":
            shapes = {"rows": {1: torch.export.Dim("count")}}
            torch.onnx.export(
                network, (example,), f"{name}.onnx", input_names=["rows"], output_names=["vector"], dynamo=True,
                dynamic_shapes=shapes, external_data=False,
            )  # fmt: skip
        else:
            torch.onnx.export(
                network, (example,), f"{name}.onnx", input_names=["rows"], output_names=["vector"], dynamo=False,
                opset_version=17, dynamic_axes={"rows": {0: "a", 1: "b"}, "vector": {0: "N"}},
            )  # fmt: skip
        with torch.no_grad():
            for rows, scan in scans.items():
                given[f"{name}_{rows}"] = network(torch.from_numpy(scan).unsqueeze(place))[0].numpy()
    np.savez("references.npz", **given)


if __name__ == "__main__":
    main()
