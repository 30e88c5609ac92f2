"""The pre-processing inside of the graph is the one outside of it."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, checker, helper

from models.compile.bake import bake, baked_spec
from models.errors import GraphError
from models.manifest import InputSpec
from models.preprocess import Preprocessor

SIDES = {"width": 24, "height": 16}


def passing_on(name: str = "images", shape: tuple[int, ...] = (1, 3, 16, 24)) -> ModelProto:
    """A network that returns what it is given."""
    graph = helper.make_graph(
        [helper.make_node("Identity", [name], ["out"])], "identity",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@given(
    colour=st.sampled_from(["bgr", "rgb"]),
    scale=st.sampled_from([1.0, 1 / 255, 0.5]),
    mean=st.sampled_from([(0.0, 0.0, 0.0), (0.485, 0.456, 0.406), (103.5, 116.3, 123.7)]),
    std=st.sampled_from([(1.0, 1.0, 1.0), (0.229, 0.224, 0.225), (57.4, 57.1, 58.4)]),
    mode=st.sampled_from(["plain", "letterbox", "centre-crop"]),
    layout=st.sampled_from(["nchw", "nhwc"]),
    seed=st.integers(0, 100),
)
def test_it_is_the_same_inside_and_outside(
    colour: str, scale: float, mean: object, std: object, mode: str, layout: str, seed: int
) -> None:
    spec = InputSpec.model_validate({
        **SIDES, "colour": colour, "scale": scale, "mean": mean, "std": std,
        "resize": {"mode": mode}, "layout": layout,
    })  # fmt: skip
    frame = np.random.default_rng(seed).integers(0, 256, (31, 57, 3), np.uint8)
    model = bake(passing_on(shape=spec.shape), spec)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())

    picture, place = Preprocessor(baked_spec(spec))(frame)
    [baked] = session.run(None, {"picture": picture})

    tensor, expected_place = Preprocessor(spec)(frame)
    assert place == expected_place
    assert picture.dtype == np.uint8
    assert picture.shape == (1, 16, 24, 3)
    np.testing.assert_allclose(baked, np.asarray(tensor, np.float32), rtol=1e-5, atol=1e-5)


def test_the_original_is_left_alone_and_nothing_is_baked_twice() -> None:
    model = passing_on()
    before = model.SerializeToString()
    spec = InputSpec.model_validate({**SIDES, "resize": {"mode": "plain"}})
    baked = bake(model, spec)
    assert model.SerializeToString() == before
    with pytest.raises(GraphError, match="uint8 pictures already"):
        bake(baked, baked_spec(spec))


def test_a_name_that_is_taken_is_told() -> None:
    spec = InputSpec.model_validate({**SIDES, "resize": {"mode": "plain"}})
    with pytest.raises(GraphError, match="a tensor called 'picture' of its own"):
        bake(passing_on("picture"), spec)


def test_a_picture_as_it_is_has_nothing_else_to_say() -> None:
    with pytest.raises(ValueError, match="uint8 goes with layout nhwc"):
        InputSpec.model_validate({**SIDES, "resize": {"mode": "plain"}, "dtype": "uint8"})
    with pytest.raises(ValueError, match="pictures as they are"):
        InputSpec.model_validate({
            **SIDES, "resize": {"mode": "plain"}, "dtype": "uint8", "layout": "nhwc", "scale": 0.5,
        })  # fmt: skip
