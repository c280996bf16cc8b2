"""`cifar100`: 60,000 color images of 32 x 32 pixels in 100 classes, from the official binary version."""

from typing import Final, Literal

from mempipe.data.cifar_binary import Labels, Layout, read_cifar
from mempipe.data.dataset import Dataset
from mempipe.data.excerpt import Excerpt
from mempipe.data.fetch import DataPath

_COARSE: Final = (
    "aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices "
    "household_furniture insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes "
    "large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people reptiles small_mammals trees "
    "vehicles_1 vehicles_2"
)
_FINE: Final = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle "
    "caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant "
    "flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man "
    "maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree "
    "plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper "
    "snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train "
    "trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)

LAYOUT: Final = Layout(
    name="cifar100",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    folder="cifar-100-binary",
    train_files=("train.bin",),
    test_files=("test.bin",),
    train_records=50_000,
    test_records=10_000,
    labels=(
        Labels("coarse_label_names.txt", tuple(_COARSE.split())),
        Labels("fine_label_names.txt", tuple(_FINE.split())),
    ),
)


class Params(Excerpt):
    """Keys of the `cifar100` data set.

    Attributes:
        path: the archive or a folder with its files; path or `gs://` URI. Without it the archive is downloaded once
            and checked.
        labels: `fine`, the 100 classes (as in the paper), or `coarse`, their 20 superclasses.
    """

    path: DataPath | None = None
    labels: Literal["fine", "coarse"] = "fine"


def load(params: Params) -> Dataset:
    """Read CIFAR-100 in the order of `train.bin` and `test.bin`."""
    return read_cifar(LAYOUT, params.path, kind=("coarse", "fine").index(params.labels), excerpt=params)
