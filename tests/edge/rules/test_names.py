"""Classes and models by name, across a change of the model."""

import numpy as np

from edge.rules.names import ClassTable, ModelNames


def test_the_same_classes_need_no_translation() -> None:
    table = ClassTable(("person", "car"))
    assert table.join(("person", "car")) is None
    assert table.names == ("person", "car")


def test_classes_keep_their_ids_whatever_a_model_calls_them() -> None:
    table = ClassTable(("person", "car"))
    ids = table.join(("car", "dog", "person"))
    assert ids is not None
    assert ids.tolist() == [1, 2, 0]
    assert ids.dtype == np.int32
    assert table.names == ("person", "car", "dog")
    back = table.join(("person", "car"))
    assert back is None
    assert table.names == ("person", "car", "dog"), "who was a dog is one for ever"


def test_a_frame_names_the_model_that_looked_at_it() -> None:
    names = ModelNames("gate", "1")
    assert names.at(5) == ("gate", "1")
    names.follow("gate", "2", 10)
    names.follow("gate", "1", 20)
    assert [names.at(t) for t in (9, 10, 19, 20)] == [
        ("gate", "1"), ("gate", "2"), ("gate", "2"), ("gate", "1"),
    ]  # fmt: skip
    for number in range(100):
        names.follow("gate", str(number), 100 + number)
    assert names.at(199) == ("gate", "99")
