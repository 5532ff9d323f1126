"""From the bytes of a source to the bytes of the ONNX file that we run, by the recipe's name."""

from collections.abc import Callable

import onnx

from .convert import dlib_resnet, sface, yunet
from .errors import AlteredFile
from .manifest import AS_IS, PackFile

CONVERTERS: dict[str, Callable[[bytes], onnx.ModelProto]] = {
    "yunet": lambda data: yunet.convert(onnx.load_model_from_string(data)),
    "sface-clean": lambda data: sface.convert(onnx.load_model_from_string(data)),
    "dlib-resnet-v1": dlib_resnet.convert,
}


def run_recipe(file: PackFile, data: bytes) -> bytes:
    """The prepared file's bytes. Raises AlteredFile where the source is not what the recipe expects."""
    if file.recipe.name == AS_IS:
        return data
    try:
        return bytes(CONVERTERS[file.recipe.name](data).SerializeToString())
    except ValueError as error:
        raise AlteredFile(
            f"{file.name}: the recipe {file.recipe.name} does not fit its source ({error})."
        ) from error
