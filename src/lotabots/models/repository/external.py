"""Files that hold nothing but tensors of an ONNX file, which says where in them.

Source: docs/ExternalData.md of onnx/onnx. Such a file has no format of its own: what accounts for
it is the ONNX file that names it.
"""

from collections.abc import Iterator

from lotabots.models.findings import Finding, finding
from lotabots.models.repository.view import View

MOST = 20
"""Findings about one ONNX file."""


def check(view: View) -> Iterator[Finding]:
    """Refuses a tensor whose bytes are not all in the file that is named for them."""
    for path, parsed in view.parsed.items():
        count = 0
        for tensor in parsed.tensors if parsed.format == "onnx" else ():
            size = view.sizes.get(tensor.path)
            if tensor.path != path and (size is None or tensor.end > size) and count < MOST:
                count += 1
                measured = "no such file" if size is None else f"{size} bytes"
                expected = f"{tensor.path} up to {tensor.end}"
                yield finding(
                    "EXTERNAL-DATA", path, tensor=tensor.name, expected=expected, measured=measured
                )


def named(view: View) -> set[str]:
    """The files that ONNX files name for their tensors."""
    return {
        tensor.path
        for path, parsed in view.parsed.items()
        if parsed.format == "onnx"
        for tensor in parsed.tensors
        if tensor.path != path
    }
