"""The shipped weightless graphs are what `python -m export.synthetic` makes."""

import onnx
import pytest

from export.onnx_files import SMALL_BYTES
from export.synthetic import Scale, write_graphs
from vgf_robot.backends import load_backend
from vgf_robot.bench import SYNTHETIC, read_layout, synthetic_bundle

KINDS = ("reference", "step", "select")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_graphs(folder, Scale())
    return folder


def graph(folder, kind) -> onnx.GraphProto:
    return onnx.load(folder / getattr(read_layout(folder).variant, kind), load_external_data=False).graph


def places(found: onnx.GraphProto) -> dict[str, tuple]:
    """Shape and place of every tensor that is not inside the graph."""
    return {
        tensor.name: (tuple(tensor.dims), {entry.key: entry.value for entry in tensor.external_data})
        for tensor in found.initializer
        if tensor.external_data
    }


def test_the_shipped_layout_is_what_is_made(made):
    assert read_layout(made) == read_layout(SYNTHETIC)


def test_nothing_but_graphs_and_layout_is_written(made):
    assert sorted(path.name for path in made.iterdir()) == sorted(path.name for path in SYNTHETIC.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_graphs_are_what_is_made(made, kind):
    # Not byte by byte: another release of the exporter may name the same nodes differently.
    new, shipped = graph(made, kind), graph(SYNTHETIC, kind)
    assert [node.op_type for node in shipped.node] == [node.op_type for node in new.node]
    for role in ("input", "output"):
        assert [(v.name, v.type) for v in getattr(shipped, role)] == [(v.name, v.type) for v in getattr(new, role)]
    assert sorted(map(str, places(shipped).values())) == sorted(map(str, places(new).values()))


def test_the_shipped_files_name_no_training_library():
    assert not [path.name for path in SYNTHETIC.iterdir() if b"torch" in path.read_bytes()]


@pytest.mark.parametrize("kind", KINDS)
def test_the_layout_covers_what_the_shipped_graphs_refer_to(kind):
    layout = read_layout(SYNTHETIC)
    covered = {(tensor.shape, tensor.offset, tensor.num_bytes) for tensor in layout.tensors}
    found = graph(SYNTHETIC, kind)
    for shape, place in places(found).values():
        assert place["location"] == layout.weights
        assert (shape, int(place["offset"]), int(place["length"])) in covered
    inside = [onnx.numpy_helper.to_array(tensor) for tensor in found.initializer if not tensor.external_data]
    assert all(array.nbytes < SMALL_BYTES for array in inside)


def test_the_layout_names_every_parameter_of_the_networks():
    tensors = {tensor.name: tensor for tensor in read_layout(SYNTHETIC).tensors}
    first, normalisation = tensors["critic.members.1.0.weight"], tensors["critic.members.1.1.weight"]
    assert (first.shape, first.fan_in, first.fan_out, first.initial) == ((512, 33), 33, 512, "xavier_uniform")
    assert (normalisation.shape, normalisation.initial) == ((512,), "ones")
    assert tensors["reference.velocity.0.bias"].initial == "zeros"
    assert tensors["reference.velocity.8.weight"].shape == (5, 512)


def test_what_is_made_can_be_filled_and_loaded(made, tmp_path):
    bundle = synthetic_bundle(tmp_path / "bundle", graphs=made)
    load_backend("onnxruntime-cpu")(bundle, bundle.manifest.variants[0], threads=1)
