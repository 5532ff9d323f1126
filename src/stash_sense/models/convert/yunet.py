import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from stash_sense.models.convert.blockwise import without_blocks


def convert(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with float32 weights and free batch, height and width."""
    nodes, constants = without_blocks(model)
    # The heads end in Reshape(1, -1, k): a 0 copies the batch instead of fixing it at one.
    for node in nodes:
        if node.op_type == "Reshape":
            shape = np.array(constants[node.input[1]], dtype=np.int64)
            if shape[0] == 1:
                shape[0] = 0
            constants[node.input[1]] = shape
    used = {name for node in nodes for name in node.input}
    outputs = [
        helper.make_tensor_value_info(
            value.name,
            TensorProto.FLOAT,
            ["n", f"cells_{value.name.rsplit('_', 1)[1]}", value.type.tensor_type.shape.dim[2].dim_value],
        )
        for value in model.graph.output
    ]
    graph = helper.make_graph(
        nodes,
        "yunet",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        outputs,
        [
            numpy_helper.from_array(np.ascontiguousarray(constants[name]), name)
            for name in sorted(used & set(constants))
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
