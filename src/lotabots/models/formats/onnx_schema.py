"""The messages of an ONNX model, as far as they are read: their fields, and the tensors' types.

Source: `onnx/onnx.proto` of onnx/onnx 1.23, field by field.
"""

from typing import NamedTuple

from lotabots.models.formats.protobuf import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Schema,
    many,
    one,
)

MODEL: Schema = {
    1: one("ir_version", VARINT),
    2: one("producer_name"),
    3: one("producer_version"),
    4: one("domain"),
    5: one("model_version", VARINT),
    6: one("doc_string"),
    7: one("graph"),
    8: many("opset_import"),
    14: many("metadata_props"),
    20: many("training_info"),
    25: many("functions"),
    26: many("configuration"),
}

GRAPH: Schema = {
    1: many("node"),
    2: one("name"),
    5: many("initializer"),
    10: one("doc_string"),
    11: many("input"),
    12: many("output"),
    13: many("value_info"),
    14: many("quantization_annotation"),
    15: many("sparse_initializer"),
    16: many("metadata_props"),
}

NODE: Schema = {
    1: many("input"),
    2: many("output"),
    3: one("name"),
    4: one("op_type"),
    5: many("attribute"),
    6: one("doc_string"),
    7: one("domain"),
    8: one("overload"),
    9: many("metadata_props"),
    10: many("device_configurations"),
}

ATTRIBUTE: Schema = {
    1: one("name"),
    2: one("f", FIXED32),
    3: one("i", VARINT),
    4: one("s"),
    5: one("t"),
    6: one("g"),
    7: many("floats", FIXED32),
    8: many("ints", VARINT),
    9: many("strings"),
    10: many("tensors"),
    11: many("graphs"),
    13: one("doc_string"),
    14: one("tp"),
    15: many("type_protos"),
    20: one("type", VARINT),
    21: one("ref_attr_name"),
    22: one("sparse_tensor"),
    23: many("sparse_tensors"),
}

FUNCTION: Schema = {
    1: one("name"),
    4: many("input"),
    5: many("output"),
    6: many("attribute"),
    7: many("node"),
    8: one("doc_string"),
    9: many("opset_import"),
    10: one("domain"),
    11: many("attribute_proto"),
    12: many("value_info"),
    13: one("overload"),
    14: many("metadata_props"),
}

TENSOR: Schema = {
    1: many("dims", VARINT),
    2: one("data_type", VARINT),
    3: one("segment"),
    4: many("float_data", FIXED32),
    5: many("int32_data", VARINT),
    6: many("string_data"),
    7: many("int64_data", VARINT),
    8: one("name"),
    9: one("raw_data"),
    10: many("double_data", FIXED64),
    11: many("uint64_data", VARINT),
    12: one("doc_string"),
    13: many("external_data"),
    14: one("data_location", VARINT),
    16: many("metadata_props"),
}

SPARSE: Schema = {1: one("values"), 2: one("indices"), 3: many("dims", VARINT)}
TRAINING: Schema = {
    1: one("initialization"),
    2: one("algorithm"),
    3: many("initialization_binding"),
    4: many("update_binding"),
}
OPSET: Schema = {1: one("domain"), 2: one("version", VARINT)}
ENTRY: Schema = {1: one("key", BYTES), 2: one("value", BYTES)}


class ElementType(NamedTuple):
    """A tensor's type: its name, the bits of an element, and where elements stand unless raw."""

    name: str
    bits: int
    field: str


TYPES = {
    1: ElementType("FLOAT", 32, "float_data"),
    2: ElementType("UINT8", 8, "int32_data"),
    3: ElementType("INT8", 8, "int32_data"),
    4: ElementType("UINT16", 16, "int32_data"),
    5: ElementType("INT16", 16, "int32_data"),
    6: ElementType("INT32", 32, "int32_data"),
    7: ElementType("INT64", 64, "int64_data"),
    8: ElementType("STRING", 0, "string_data"),
    9: ElementType("BOOL", 8, "int32_data"),
    10: ElementType("FLOAT16", 16, "int32_data"),
    11: ElementType("DOUBLE", 64, "double_data"),
    12: ElementType("UINT32", 32, "uint64_data"),
    13: ElementType("UINT64", 64, "uint64_data"),
    14: ElementType("COMPLEX64", 64, "float_data"),
    15: ElementType("COMPLEX128", 128, "double_data"),
    16: ElementType("BFLOAT16", 16, "int32_data"),
    17: ElementType("FLOAT8E4M3FN", 8, "int32_data"),
    18: ElementType("FLOAT8E4M3FNUZ", 8, "int32_data"),
    19: ElementType("FLOAT8E5M2", 8, "int32_data"),
    20: ElementType("FLOAT8E5M2FNUZ", 8, "int32_data"),
    21: ElementType("UINT4", 4, "int32_data"),
    22: ElementType("INT4", 4, "int32_data"),
    23: ElementType("FLOAT4E2M1", 4, "int32_data"),
    24: ElementType("FLOAT8E8M0", 8, "int32_data"),
    25: ElementType("UINT2", 2, "int32_data"),
    26: ElementType("INT2", 2, "int32_data"),
    27: ElementType("FLOAT6E2M3", 6, "int32_data"),
    28: ElementType("FLOAT6E3M2", 6, "int32_data"),
}
"""By `TensorProto.DataType`."""

DATA_FIELDS = frozenset({kind.field for kind in TYPES.values()} | {"raw_data"})
