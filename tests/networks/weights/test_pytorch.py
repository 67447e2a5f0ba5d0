"""What torch.save writes is read as far as it is a state dict, and nothing in it is run."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.weights import read_weights, to_torchvision_names

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
FORM = b"\x80\x02M\xe9\x03."
SYSTEM = b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s."


def text(value):
    """Describe a text."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    """Describe a number."""
    return b"J" + struct.pack("<i", value)


def storage(key="0", elements=6, kind="FloatStorage", view=None):
    """Describe a storage; a view makes it the six values of PyTorch before 1.6."""
    last = b"" if view is None else view + b"t"
    opened = b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu") + number(elements)
    return opened + (last or b"t") + b"Q"


def tensor(stored=None, offset=0, shape=(2, 3), strides=(3, 1)):
    """Describe a tensor."""
    sizes = (b"(" + b"".join(map(number, values)) + b"t" for values in (shape, strides))
    arguments = b"(" + (stored or storage()) + number(offset) + b"".join(sizes) + b"\x89}t"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def table(**values):
    """Describe a table."""
    return b"}(" + b"".join(text(name) + value for name, value in values.items()) + b"u"


def zipped(description, storages=None, extra=None, method=zipfile.ZIP_STORED):
    """Make a file of PyTorch's present form."""
    buffer = io.BytesIO()
    numbers = {"0": np.arange(6, dtype="<f4").tobytes()} if storages is None else storages
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + description + b".")
        for key, raw in numbers.items():
            archive.writestr(f"archive/data/{key}", raw)
        for name, content in (extra or {}).items():
            archive.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def legacy(description, keys=("0",), elements=6, raw=None, system=SYSTEM):
    """Make a file of PyTorch's form before 1.6."""
    numbers = np.arange(6, dtype="<f4").tobytes() if raw is None else raw
    listed = b"\x80\x02](" + b"".join(map(text, keys)) + b"e."
    described = MAGIC + FORM + system + b"\x80\x02" + description + b"."
    return described + listed + elements.to_bytes(8, "little") + numbers


SIX = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_hand_made_files_are_read():
    """So that the refusals below are of what differs from these."""
    assert read_weights(zipped(table(a=tensor())))["a"].tolist() == SIX
    assert read_weights(legacy(table(a=tensor(storage(view=b"N")))))["a"].tolist() == SIX


def test_what_python_2_wrote_is_read():
    """Byte strings as names, the entries of an OrderedDict given at once, the first function for tensors."""
    old = tensor(storage(view=b"N")).replace(b"_rebuild_tensor_v2", b"_rebuild_tensor").replace(b"\x89}tR", b"tR")
    entries = b"ccollections\nOrderedDict\n(](](U\x01a" + old + b"eetR"
    assert read_weights(legacy(entries))["a"].tolist() == SIX


@pytest.mark.parametrize("made", [b"(%bt\x81", b"(%bI01\ntR", b")\x81(%b\x88}tb"])
def test_a_parameter_of_the_first_pytorch_is_its_tensor(made):
    """torch.nn.Parameter made with its tensor, or empty and given it as state."""
    made = made.replace(b"I01\n", b"\x88") % tensor(storage(view=b"N"))
    assert read_weights(legacy(table(a=b"ctorch.nn.parameter\nParameter\n" + made)))["a"].tolist() == SIX


def test_a_part_of_a_storage_is_taken():
    """View metadata of the old form: key, first element, elements."""
    part = storage(view=b"(" + text("0.1") + number(2) + number(4) + b"t")
    weights = read_weights(legacy(table(a=tensor(part, shape=(4,), strides=(1,)))))
    assert weights["a"].tolist() == [2, 3, 4, 5]


def test_the_state_dict_in_a_checkpoint_is_found(data):
    """Beside optimiser, schedule, options and scores, with DataParallel's prefix on every name."""
    weights = to_torchvision_names(read_weights(data / "checkpoint.pth"))
    with np.load(data / "checkpoint.reference.npz") as expected:
        assert weights.keys() == set(expected)
        assert [name for name in weights if not np.array_equal(weights[name], expected[name])] == []


def test_an_ambiguous_checkpoint_is_refused():
    """Two networks: which is meant is the user's to say."""
    both = table(generator=table(a=tensor()), discriminator=table(a=tensor()))
    with pytest.raises(
        LungdbError, match=r"several state dicts: 'discriminator', 'generator'\. Save the state dict alone"
    ):
        read_weights(zipped(both))


@pytest.mark.parametrize("file", ["module.zip.pth", "module.legacy.pth", "script.pt"])
def test_a_module_is_refused_with_the_way_to_save_its_state_dict(data, file):
    """Pickled in both forms, and compiled."""
    with pytest.raises(LungdbError, match=r"Save .*state dict alone in Python: torch\.save\(.*\.state_dict\(\)"):
        read_weights(data / file)


def test_a_tar_of_the_first_pytorch_is_refused():
    """Known by its mark at byte 257."""
    with pytest.raises(LungdbError, match=r"a tar of PyTorch 0\.1"):
        read_weights(b"storages" + bytes(249) + b"ustar\x0000" + bytes(248))


@pytest.mark.parametrize("module", ["os", "posix", "nt", "builtins", "torch.hub"])
@pytest.mark.parametrize("make", [zipped, legacy])
@pytest.mark.parametrize("spoken", [b"c%b\nsystem\n", b"\x8c\x0a%b\x8c\x06system\x93"])
def test_a_command_in_a_file_is_not_run(tmp_path, monkeypatch, module, make, spoken):
    """Of the ways to say os.system(…) in a state dict none makes the file that the command would make."""
    monkeypatch.chdir(tmp_path)
    name = (spoken % module.encode()).replace(b"\x8c\x0a", b"\x8c" + bytes([len(module)]))
    command = name + b"(" + text("echo > made") + b"tR"
    with pytest.raises(LungdbError, match=f"more than a state dict: '{module}.system', which is not read"):
        read_weights(make(table(a=command)))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (table(a=tensor(offset=1)), "'a' lies outside"),
        (table(a=tensor(strides=(4, 1))), "'a' lies outside"),
        (table(a=tensor(offset=-1)), "tensor is not described"),
        (table(a=tensor(strides=(-3, 1))), "tensor is not described"),
        (table(a=tensor(shape=(6,))), "tensor is not described"),
        (table(a=tensor(shape=(1,) * 9, strides=(1,) * 9)), "tensor is not described"),
        (table(a=tensor(shape=(2**12, 2), strides=(0, 0))), r"describes more than \d+ numbers"),
        (table(a=tensor(shape=(0, 3))), "'a' is empty"),
        (table(a=tensor(storage("1"))), "zip is incomplete"),
        (table(a=tensor(storage(elements=7))), "storage of 'a' is incomplete"),
        (table(a=tensor(storage(kind="DoubleStorage"))), "storage of 'a' is incomplete"),
        (table(a=tensor(storage(elements=3, kind="LongStorage"), shape=(3,), strides=(1,))), "kind I64"),
        (table(a=tensor(), b=tensor(storage(elements=5))), "described in two ways"),
        (table(a=tensor(storage(kind="ComplexFloatStorage"))), "'torch.ComplexFloatStorage', which is not read"),
        (table(**{"a\nb": tensor()}), "no name of a weight"),
        (table(**{"a" * 201: tensor()}), "no name of a weight"),
        (table(a=number(1)), "no state dict, a table with tensors only"),
        (number(1), "holds no state dict"),
        (b"}", "holds no state dict"),
        (b"}" + b")" * 2 + b"s", "other keys than names"),
        (b"0", "operation b'0' of pickle"),
        (b"R", "takes more than it was given"),
        (b"u", "lacks a beginning"),
        (b"(R", "takes more than it was given"),
        (b"NNR", "called that has no name"),
        (b"N]a", "something else than a list"),
        (b"NNNs", "something else than a table"),
        (b"h\x05", "refers to what it never said"),
        (b"c" + b"x" * 300, "a name does not end"),
        (b"X\xff\xff\xff\xff", "ends within a description"),
        (b"X\x01\x00\x00\x00\xff", "not UTF-8"),
        (b"(" + text("module") + b"NNNtQ", "whole network"),
        (b"NQ", "whole network"),
        (b"(" * 20_000_000, "more than tables of tensors"),
        (b"N" * 2_000_000, "more than tables of tensors"),
    ],
)
def test_a_wrong_description_is_refused(description, message):
    """Views outside of their storage, kinds and keys that contradict, and operations that end in nothing."""
    with pytest.raises(LungdbError, match=message):
        read_weights(zipped(description))


def test_nesting_to_any_depth_is_refused_without_a_crash():
    """A hundred thousand tuples, each in the next, as a value, as a key, and as a list's item."""
    deep = b")" + b"\x85" * 100_000
    for description in (deep, b"}" + deep + b"Ns", b"]" + deep + b"a", table(a=deep)):
        with pytest.raises(LungdbError):
            read_weights(zipped(description))


def test_a_long_list_is_not_copied_again_and_again():
    """One list of 100 000 entries remembered and made a table 100 000 times would take hours."""
    entry = b"](" + text("a") + b"Ne"
    listed = b"](" + entry * 100_000 + b"eq\x000"
    again = b"ccollections\nOrderedDict\n(h\x00tR" * 100_000
    with pytest.raises(LungdbError):
        read_weights(zipped(listed.replace(b"q\x000", b"q\x00") + again))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(table(a=tensor()), method=zipfile.ZIP_DEFLATED), "was compressed"),
        (zipped(table(a=tensor()), extra={"byteorder": b"big"}), "big-endian"),
        (zipped(table(a=tensor()), extra={"code/net.py": b""}), "TorchScript"),
        (zipped(table(a=tensor()), extra={"more/data.pkl": b""}), "no weights of PyTorch"),
        (zipped(table(a=tensor()))[:-30], "zip is incomplete"),
        (zipped(table(a=tensor())).replace(np.float32(5).tobytes(), np.float32(6).tobytes()), "zip is incomplete"),
        (zipped(table(a=tensor())) + b"PK\x01\x02" * 30_000, "too many entries"),
        (legacy(table(a=tensor()), system=SYSTEM.replace(b"\x88", b"\x89")), "big-endian"),
        (legacy(table(a=tensor()), keys=("0", "1")), "list of storages"),
        (legacy(table(a=tensor()), elements=5), "'0' is incomplete"),
        (legacy(table(a=tensor()), raw=bytes(23)), "'0' is incomplete"),
        (legacy(table(a=tensor())).replace(FORM, FORM.replace(b"\xe9", b"\xe8")), "form is unknown"),
        (b"\x80\x02}.", "a pickle of something else"),
        (MAGIC, "ends within a description"),
    ],
)
def test_a_wrong_container_is_refused(content, message):
    """Zips and rows of descriptions that PyTorch did not write so."""
    with pytest.raises(LungdbError, match=message):
        read_weights(content)


def test_a_directory_beyond_every_file_is_refused(data):
    """The 64-bit record's offset of the directory, with a bit more than a position in a file has."""
    content = (data / "tensors.zip.pth").read_bytes()
    field = content.index(b"PK\x06\x06") + 48
    with pytest.raises(LungdbError, match="zip is incomplete"):
        read_weights(content[:field] + b"\xff" * 8 + content[field + 8 :])


def test_overlapping_parts_of_a_zip_are_refused():
    """A directory whose entries all name the same bytes: small files that unpack to any size."""
    content = bytearray(zipped(table(a=tensor()), storages={str(n): bytes(4096) for n in range(4)}))
    directory = content.index(b"PK\x01\x02")
    for number_of_entry, start in enumerate(_starts(content, b"PK\x01\x02", directory)):
        if number_of_entry:
            content[start + 20 : start + 28] = struct.pack("<II", 1 << 20, 1 << 20)
    with pytest.raises(LungdbError, match="parts of its zip overlap"):
        read_weights(bytes(content))


def _starts(content, mark, position):
    while position >= 0:
        yield position
        position = content.find(mark, position + 1)
