import numpy as np

from skyscan.shower.volume import are_inside


def test_the_instrumented_volume_ends_at_the_outer_strings_and_doms():
    places = np.array(
        [
            [0.0, 0.0, 0.0],
            [550.0, 150.0, -400.0],
            [580.0, 300.0, 0.0],
            [0.0, 0.0, 530.0],
            [0.0, 0.0, -530.0],
            [-600.0, 0.0, 0.0],
            [0.0, 600.0, 0.0],
        ]
    )
    assert are_inside(places).tolist() == [True, True, False, False, False, False, False]
