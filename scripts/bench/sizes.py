"""How large the benchmarks are: whole for README, quick to look at a change, tiny to see that they still run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scans:
    """A database of phantoms: so many patients of so many slices of size × size."""

    patients: int
    slices: int
    size: int

    def __str__(self) -> str:
        """Say so in words."""
        return f"{self.patients} scans of {self.slices} slices of {self.size} × {self.size}"


@dataclass(frozen=True)
class Sizes:
    """The sizes of every benchmark.

    Attributes
    ----------
    name : str
        What is printed above the figures.
    rounds : int
        Of everything that is timed.
    layout : str
        The ResNet of random weights that stands for a large network.
    large, small : Scans
        What GenerateFeatures runs over with that network, and with the demo network.
    few, many : Scans
        For memory; `many` is trained on, too.
    chunks : tuple of int or None
        Values of @ChunkMegabytes with the large network; None is its default.
    calibration : int
        Pictures that int8 is calibrated on.
    extension_megabytes : int or None
        Of the chunk whose memory under Microsoft's extension is computed; None is the default of @ChunkMegabytes.
    predictions : int
        Calls of PredictLungCancer.
    scored_patients : int
        Patients whose features are stored when single scores are timed, and who are scored in one call.
    network_batches, network_batch : int
        Batches of pictures that sessions are compared on, and their size.
    trained, scored : tuple of (patients, features)
        What training and scoring are compared on with bare LightGBM.
    search_patients, search_trials : int
    intake : Scans
        What load-scans loads.
    memory_slices : int
        Of the series whose loading is watched.
    tree_patients : tuple of int
        Patients that trees are scored for in plain T-SQL; `trees` are the trees.
    digits : int
        Digits that a dense network scores.
    examples : tuple of int
        Examples that a dense network is trained on; the last is that of the whole training.
    iterations : int
        Of the whole training.
    batch_sizes : tuple of int or None
        Values of its @BatchSize; None is all examples.
    page_patients, readers, scorers : int
    page_seconds : float
    worklist_patients, similar_scans : int
    """

    name: str
    rounds: int
    layout: str
    large: Scans
    small: Scans
    few: Scans
    many: Scans
    chunks: tuple[int | None, ...]
    calibration: int
    extension_megabytes: int | None
    predictions: int
    scored_patients: int
    network_batches: int
    network_batch: int
    trained: tuple[tuple[int, int], ...]
    scored: tuple[tuple[int, int], ...]
    search_patients: int
    search_trials: int
    intake: Scans
    memory_slices: int
    tree_patients: tuple[int, ...]
    trees: int
    digits: int
    examples: tuple[int, ...]
    iterations: int
    batch_sizes: tuple[int | None, ...]
    page_patients: int
    readers: int
    scorers: int
    page_seconds: float
    worklist_patients: int
    similar_scans: int


# 1,595 are the patients of the full Data Science Bowl.
WHOLE = Sizes(
    name="whole",
    rounds=3,
    layout="resnet50",
    large=Scans(4, 96, 512),
    small=Scans(40, 32, 256),
    few=Scans(10, 32, 256),
    many=Scans(100, 32, 256),
    chunks=(None, 512),
    calibration=128,
    extension_megabytes=None,
    predictions=200,
    scored_patients=1595,
    network_batches=3,
    network_batch=32,
    trained=((200, 512), (1595, 512)),
    scored=((1595, 512), (1595, 2048)),
    search_patients=200,
    search_trials=50,
    intake=Scans(3, 96, 512),
    memory_slices=1000,
    tree_patients=(200, 1595),
    trees=200,
    digits=900,
    examples=(1000, 10_000, 100_000),
    iterations=100,
    batch_sizes=(100, 1000, 10_000, None),
    page_patients=10_000,
    readers=50,
    scorers=4,
    page_seconds=30.0,
    worklist_patients=100_000,
    similar_scans=10_000,
)

QUICK = Sizes(
    name="quick: smaller sizes, to see what a change does; no figure of README comes from here",
    rounds=3,
    layout="resnet50",
    large=Scans(2, 24, 512),
    small=Scans(3, 32, 256),
    few=Scans(1, 32, 256),
    many=Scans(40, 9, 128),
    chunks=(None,),
    calibration=8,
    extension_megabytes=16,
    predictions=50,
    scored_patients=200,
    network_batches=1,
    network_batch=8,
    trained=((200, 512),),
    scored=((400, 512),),
    search_patients=80,
    search_trials=12,
    intake=Scans(1, 24, 512),
    memory_slices=100,
    tree_patients=(200,),
    trees=200,
    digits=100,
    examples=(1000, 5000),
    iterations=10,
    batch_sizes=(1000, None),
    page_patients=1000,
    readers=10,
    scorers=2,
    page_seconds=5.0,
    worklist_patients=1000,
    similar_scans=500,
)

TINY = Sizes(
    name="tiny: to see that every benchmark runs; its figures mean nothing",
    rounds=1,
    layout="resnet18",
    large=Scans(2, 15, 64),
    small=Scans(2, 4, 64),
    few=Scans(1, 4, 64),
    many=Scans(40, 4, 64),
    chunks=(None,),
    calibration=8,
    extension_megabytes=1,
    predictions=2,
    scored_patients=60,
    network_batches=1,
    network_batch=8,
    trained=((100, 8),),
    scored=((100, 8),),
    search_patients=60,
    search_trials=2,
    intake=Scans(1, 4, 64),
    memory_slices=5,
    tree_patients=(20,),
    trees=3,
    digits=5,
    examples=(20, 40),
    iterations=2,
    batch_sizes=(10, None),
    page_patients=60,
    readers=2,
    scorers=1,
    page_seconds=0.5,
    worklist_patients=1000,
    similar_scans=100,
)
