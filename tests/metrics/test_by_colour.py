import numpy as np

from ganflow.metrics.by_colour import classes_by_colour
from ganflow.metrics.classes import Legend

LEGEND = Legend(("land", "cell", "edge"), (((0, 0, 0),), ((255, 0, 0),), ((0, 255, 0),)))


def test_each_colour_gets_the_class_most_frequent_there_and_an_unknown_one_the_commonest() -> None:
    inputs = np.zeros((1, 4, 4, 1), np.uint8)
    inputs[0, :2], inputs[0, 2] = 200, 100
    targets = np.zeros((1, 4, 4, 3), np.uint8)
    targets[0, :2] = (255, 0, 0)  # bright is cell, 8 of 16
    targets[0, 2, :3] = (0, 255, 0)  # grey is edge, three times of four
    asked = np.array([[[[200], [100], [0], [60]]]], np.uint8)
    answer = classes_by_colour(inputs, targets, asked, LEGEND)
    assert answer[0, 0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 0], [255, 0, 0]]
