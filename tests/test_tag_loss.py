"""The loss on tags: people of two joints worked out on paper, gradients, degenerate."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.losses import AssociativeTags

# Of two joints on 2 x 3 cells of 4 px; each cell's tag of joint 0 is its number, of
# joint 1 ten times that.
CELLS = np.float32([[0, 1, 2], [3, 4, 5]])
TAGS = tf.constant(np.stack([CELLS, 10 * CELLS], -1)[None])
LOSS = AssociativeTags(stride=4)


def close(found, expected, atol=1e-6):
    np.testing.assert_allclose(found, expected, atol=atol, rtol=1e-5)


def people(*joints):
    """f32[1, P, 2, 3] from (x, y, counts) of two joints a person."""
    return tf.constant(np.float32(joints).reshape(1, -1, 2, 3))


def tags_of_people(*tags):
    """People whose joints lie in cells of their own, and maps with those tags there.

    Args:
        tags: of each person a list of K tags.
    """
    tags = np.float32(tags)
    count, joints = tags.shape
    places = np.zeros((1, count, joints, 3), np.float32)
    places[..., 0] = 4 * np.arange(count)[:, None] + 1.5
    places[..., 1] = 1.5
    places[..., 2] = 1
    return tf.constant(places), tf.constant(tags[None, None])


def gradient(places, tags):
    tags = tf.convert_to_tensor(tags)
    with tf.GradientTape() as tape:
        tape.watch(tags)
        loss = tf.reduce_sum(LOSS.call(places, tags))
    return tf.convert_to_tensor(tape.gradient(loss, tags))


# --- by hand ---------------------------------------------------------------------


def test_one_person_is_pulled_to_its_mean():
    # Tags 1, 3 and 8: mean 4, deviations 9 + 1 + 16 over three joints.
    places, tags = tags_of_people([1, 3, 8])
    close(LOSS.call(places, tags), [26 / 3])


def test_people_are_pulled_on_average_and_pushed_apart():
    # Means 2 and 3; mean squared deviations 1 and 4; both ordered pairs have exp(-1).
    places, tags = tags_of_people([1, 3], [1, 5])
    close(LOSS.call(places, tags), [(1 + 4) / 2 + 0.5 * np.exp(-1)])


def test_the_push_is_half_the_mean_over_ordered_pairs():
    # Equal tags within each of three people: no pull. Distances 1, 1 and 2.
    places, tags = tags_of_people([0, 0], [1, 1], [2, 2])
    expected = 0.5 * (4 * np.exp(-1) + 2 * np.exp(-4)) / 6
    close(LOSS.call(places, tags), [expected])


def test_people_with_equal_tags_cost_half():
    places, tags = tags_of_people([7, 7], [7, 7])
    close(LOSS.call(places, tags), [0.5])


def test_each_person_counts_alike_however_many_joints_it_has():
    places, tags = tags_of_people([1, 3, 5, 7], [100, 104, 50, 50])
    counts = np.float32([[1, 1, 1, 1], [1, 1, 0, 0]])
    places = tf.concat([places[..., :2], counts[None, ..., None]], -1)
    # Means 4 and 102: deviations (9 + 1 + 1 + 9) / 4 and (4 + 4) / 2.
    close(LOSS.call(places, tags), [(5 + 4) / 2])


@pytest.mark.parametrize(
    "x, y, cell",
    [
        (1.5, 1.5, 0),  # the middle of the first
        (-0.5, -0.5, 0),  # its corner
        (3.4, 3.4, 0),
        (3.6, 1.5, 1),
        (7.6, 3.4, 2),
        (3.4, 3.6, 3),
        (11.4, 7.4, 5),  # the last corner
    ],
)
def test_a_joint_has_the_tag_of_the_cell_it_lies_in(x, y, cell):
    # The other joint of the same person is in the first cell, of tag 0; a person of
    # tags 0 and t has the mean t / 2 and the pull t^2 / 4.
    first = people([(x, y, 1), (0, 0, 1)])
    second = people([(0, 0, 1), (x, y, 1)])
    close(LOSS.call(first, TAGS), [cell**2 / 4])
    close(LOSS.call(second, TAGS), [(10 * cell) ** 2 / 4])


def test_a_cell_covers_stride_px():
    places = people([(5.4, 0, 1), (0, 0, 1)])
    close(AssociativeTags(stride=2).call(places, TAGS), [1])  # cell 2
    close(AssociativeTags(stride=5).call(places, TAGS), [1 / 4])  # cell 1


# --- what does not count ---------------------------------------------------------


@pytest.mark.parametrize("x, y", [(-0.6, 0), (0, -0.6), (11.6, 0), (0, 7.6), (9e9, 0)])
def test_a_joint_outside_does_not_count(x, y):
    # Alone, the other joint is its own mean.
    close(LOSS.call(people([(x, y, 1), (5.5, 1.5, 1)]), TAGS), [0])
    assert LOSS.call(people([(1.5, 1.5, 1), (5.5, 1.5, 1)]), TAGS)[0] == 25


def test_a_joint_that_does_not_count_has_no_effect_wherever_it_is():
    alone = people([(5.5, 1.5, 1), (0, 0, 0)])
    for place in ((9.5, 5.5, 0), (np.nan, np.nan, 0), (np.inf, -np.inf, 0)):
        with_it = people([(5.5, 1.5, 1), place])
        close(LOSS.call(with_it, TAGS), LOSS.call(alone, TAGS))
        assert np.isfinite(gradient(with_it, TAGS)).all()


def test_nobody_costs_nothing():
    nobody = people([(5.5, 1.5, 0), (5.5, 1.5, 0)])
    for places in (nobody, nobody[:, :0]):
        close(LOSS.call(places, TAGS), [0])
        close(gradient(places, TAGS), np.zeros(TAGS.shape))


def test_padding_has_no_effect():
    """Batches fill up with people without joints."""
    places, tags = tags_of_people([1, 3], [1, 5])
    padded = tf.pad(places, [[0, 0], [1, 3], [0, 0], [0, 0]])
    close(LOSS.call(padded, tags), LOSS.call(places, tags))


def test_one_person_pushes_nobody():
    places, tags = tags_of_people([5, 5])
    assert LOSS.call(places, tags)[0] == 0
    close(gradient(places, tags), np.zeros(tags.shape))


# --- as a loss -------------------------------------------------------------------


def test_photos_of_a_batch_do_not_mix():
    one = tags_of_people([1, 3], [1, 5])
    other = tags_of_people([2, 2], [4, 9])
    places, tags = (tf.concat(pair, 0) for pair in zip(one, other, strict=True))
    each = [LOSS.call(*one)[0], LOSS.call(*other)[0]]
    close(LOSS.call(places, tags), each)
    close(LOSS(places, tags), np.mean(each))
    close(LOSS(places, tags, sample_weight=tf.constant([0.0, 1])), each[1] / 2)


def test_the_order_of_the_people_has_no_effect():
    places, tags = tags_of_people([1, 3], [1, 5], [4, 2])
    close(LOSS.call(places[:, ::-1], tags), LOSS.call(places, tags))


def test_only_differences_of_tags_count():
    places, tags = tags_of_people([1, 3], [1, 5])
    close(LOSS.call(places, tags + 100), LOSS.call(places, tags), atol=1e-4)


def test_the_gradient_by_hand():
    """Of person n's tag t: 2 (t - mean) / (K N), and of its mean half the push's.

    Means 2 and 3, two people of two joints. d/dm1 of exp(-(m1 - m2)^2) / 2 is
    -(m1 - m2) exp(-1) = exp(-1), and half of that for each of the two joints.
    """
    places, tags = tags_of_people([1, 3], [1, 5])
    push = np.exp(-1) / 2
    expected = [[[-1 / 2 + push, 1 / 2 + push], [-2 / 2 - push, 2 / 2 - push]]]
    close(gradient(places, tags), [expected])


def test_a_tag_that_no_joint_has_has_no_gradient():
    found = gradient(people([(5.5, 1.5, 1), (9.5, 5.5, 1)]), TAGS)[0]
    assert found[0, 1, 0] < 0 < found[1, 2, 1]
    assert np.count_nonzero(found) == 2


def test_two_joints_in_a_cell_share_its_tag():
    """Two people whose first joints lie in one cell: their gradients add up."""
    places = people(
        [(5.5, 1.5, 1), (1.5, 1.5, 1)],
        [(6.5, 2.5, 1), (1.5, 1.5, 1)],
    )
    # Each has tags 1 and 0: the mean 0.5, the pull 0.25, equal means.
    close(LOSS.call(places, TAGS), [0.25 + 0.5])
    found = gradient(places, TAGS)[0]
    close(found[0, 1, 0], 0.5)
    close(found[0, 0, 1], -0.5)


@pytest.mark.slow
def test_tags_that_start_equal_are_told_apart():
    """Equal means have no gradient, but the least difference grows."""
    places, tags = tags_of_people([0, 0.01], [0, 0])
    step = tf.function(lambda tags: tags - gradient(places, tags))
    for _ in range(200):
        tags = step(tags)
    means = tags.numpy()[0, 0].mean(-1)
    assert abs(means[0] - means[1]) > 1.5
    assert np.abs(np.diff(tags[0, 0])).max() < 0.01


def test_a_graph_with_any_number_of_people_gives_the_same():
    shapes = [tf.TensorSpec((None, None, 2, 3)), tf.TensorSpec((None, 1, 3, 2))]
    graph = tf.function(LOSS.call, input_signature=shapes)
    for tags in ([[1, 3], [1, 5], [0, 7]], [[1, 3]] * 3):
        places, maps = tags_of_people(*tags)
        for count in (1, 2, 3):
            close(graph(places[:, :count], maps), LOSS.call(places[:, :count], maps))


def test_it_is_made_again_from_its_configuration():
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(AssociativeTags(stride=2))
    )
    assert isinstance(again, AssociativeTags) and again.stride == 2
