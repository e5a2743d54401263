"""Hostile files that carry code, H51 to H62, and good ones beside them; payloads are `echo`."""

# ruff: noqa: E501  # a table: one case a row

import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable

from models.hostile import Control, Files, Hostile
from models.hostile.hdf5_file import OPAQUE, hdf5
from models.hostile.opcodes import (
    ECHO,
    call,
    named,
    number,
    old_text,
    proto,
    stacked,
    state_dict,
    storage,
    tensor,
    text,
)
from models.hostile.torch_zip import Entry, checkpoint, torch_zip

GOOD = state_dict(weight=tensor("0", (2, 3), 6), bias=tensor("1", (2,), 2))
STORES = {"_0": bytes(24), "_1": bytes(8)}


def _zip(**faults: bytes) -> bytes:
    return torch_zip(checkpoint(GOOD, **STORES), **faults)


def _with(change: Callable[[list[Entry]], object], pickled: bytes = GOOD) -> bytes:
    entries = checkpoint(pickled, **STORES)
    change(entries)
    return torch_zip(entries)


def _swap(**fields: object) -> bytes:
    return _with(
        lambda entries: [setattr(entries[0], name, value) for name, value in fields.items()]
    )


def _tar(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def keras(config: object, **more: bytes) -> bytes:
    """A Keras archive with this configuration."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.11.0"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", hdf5())
        for name, data in more.items():
            archive.writestr(name, data)
    return out.getvalue()


def layer(name: str, module: str = "keras.layers", /, **config: object) -> dict[str, object]:
    """One layer as Keras 3 writes it."""
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def sequential(*layers: object) -> dict[str, object]:
    """A model of these layers."""
    return layer("Sequential", "keras", name="model", layers=list(layers))


def _numpy(kind: str = "f4", flags: int = 0, size: int = 8) -> bytes:
    """An array of two numbers, as NumPy pickles it in protocol 2."""
    multi = "numpy.core.multiarray"
    empty = call(named("_codecs", "encode"), old_text("b"), old_text("latin1"))
    made = call(named(multi, "_reconstruct"), named("numpy", "ndarray"), number(0) + b"\x85", empty)
    dtype = call(named("numpy", "dtype"), old_text(kind), b"\x89", b"\x88")
    state = (number(3), old_text("<"), b"NNN", number(-1), number(-1), number(flags))
    dtype += b"(" + b"".join(state) + b"tb"
    data = b"B" + struct.pack("<I", size) + bytes(size)
    array = (number(1), number(2) + b"\x85", dtype, b"\x89", data)
    return proto(3, made + b"(" + b"".join(array) + b"tb")


SYSTEM = named("os", "system")
H55: tuple[tuple[str, bytes, str], ...] = (
    ("global", ECHO, "PICKLE-GLOBAL"),
    ("stack-global", proto(4, call(stacked("os", "system"), text("echo"))), "PICKLE-GLOBAL"),
    ("name-from-memo", proto(4, text("os") + b"\x940" + text("system") + b"\x940h\x00h\x01\x93)R"), "PICKLE-GLOBAL"),
    ("name-by-dup", proto(4, text("os") + b"2\x93"), "PICKLE-GLOBAL"),
    ("memo-set-twice", proto(4, text("safe") + b"q\x000" + text("os") + b"q\x00h\x00" + text("system") + b"\x93)R"), "PICKLE-MEMO"),
    ("memoize-over-put", proto(4, text("a") + b"q\x01" + text("b") + b"\x94\x93"), "PICKLE-MEMO"),
    ("memo-far-away", proto(2, b"Nr\xff\xff\xff\x7f"), "PICKLE-MEMO"),
    ("name-joined-by-call", proto(4, call(stacked("collections", "OrderedDict")) + text("system") + b"\x93"), "PICKLE-UNTRACED"),
    ("name-encoded", proto(4, call(stacked("_codecs", "encode"), text("os"), text("latin1")) + text("system") + b"\x93"), "PICKLE-UNTRACED"),
    ("name-escaped", b"\x80\x04Vo\\u0073\n" + text("system") + b"\x93.", "PICKLE-UNTRACED"),
    ("codec-runs", proto(4, call(stacked("_codecs", "encode"), text("x"), text("zip"))), "PICKLE-CALL"),
    ("build-on-class", proto(4, stacked("collections", "OrderedDict") + b"}b"), "PICKLE-BUILD"),
    ("build-hides-method", proto(4, call(stacked("collections", "OrderedDict")) + b"}" + text("items") + stacked("torch", "float32") + b"sb"), "PICKLE-BUILD"),
    ("reduce-then-build", proto(4, call(SYSTEM, text("echo")) + b"}b"), "PICKLE-GLOBAL"),
    ("numpy-builtins", proto(4, stacked("numpy", "__builtins__")), "PICKLE-GLOBAL"),
    ("dotted-name", proto(4, stacked("torch", "serialization.os.system")), "PICKLE-GLOBAL"),
    ("submodule", proto(2, call(named("torch.utils.bottleneck.__main__", "run_cprofile"))), "PICKLE-GLOBAL"),
    ("pip-main", proto(2, call(named("pip", "main"), b"]")), "PICKLE-GLOBAL"),
    ("collect-env", proto(2, call(named("torch.utils.collect_env", "run"), old_text("echo"))), "PICKLE-GLOBAL"),
    ("spawn", proto(2, call(named("multiprocessing.util", "spawnv_passfds"), old_text("echo"))), "PICKLE-GLOBAL"),
    ("nested-load", proto(2, call(named("torch.storage", "_load_from_bytes"), old_text("x"))), "PICKLE-GLOBAL"),
    ("carriage-return", b"cos\r\nsystem\n)R.", "PICKLE-GLOBAL"),
    ("inst", b"(S'echo'\nios\nsystem\n.", "PICKLE-GLOBAL"),
    ("obj", b"(" + SYSTEM + b"S'echo'\no.", "PICKLE-GLOBAL"),
    ("inst-of-listed", b"(icollections\nOrderedDict\n.", "PICKLE-CALL"),
    ("newobj", proto(2, SYSTEM + b")\x81"), "PICKLE-GLOBAL"),
    ("newobj-of-listed", proto(2, named("builtins", "bytearray") + number(9) + b"\x85\x81"), "PICKLE-CALL"),
    ("newobj-ex", proto(4, stacked("os", "system") + b")}\x92"), "PICKLE-GLOBAL"),
    ("call-of-a-call", proto(2, call(call(named("collections", "OrderedDict")))), "PICKLE-CALL"),
    ("extension", proto(2, b"\x82\x01"), "PICKLE-OPCODE"),
    ("out-of-band", proto(5, b"\x97"), "PICKLE-OPCODE"),
    ("persistent", proto(2, old_text("x") + b"Q"), "PICKLE-PERSISTENT"),
    ("huge-bytearray", proto(2, call(named("builtins", "bytearray"), number(2**31 - 1))), "PICKLE-CALL"),
    ("items-on-a-list", proto(2, b"]" + old_text("a") + b"Ns"), "PICKLE-BUILD"),
    ("hash-bomb", proto(2, b"}" + b")" + b"2\x86" * 40 + b"Ns"), "PICKLE-KEY"),
    ("stack-underflow", proto(2, b"R"), "PICKLE-STACK"),
    ("left-on-the-stack", proto(2, b"NN"), "PICKLE-STACK"),
    ("protocol-twice", proto(2, b"\x80\x02N"), "PICKLE-MALFORMED"),
    ("frame-cuts-opcode", b"\x80\x04\x95" + struct.pack("<Q", 2) + b"J\x01\x00\x00\x00.", "PICKLE-MALFORMED"),
    ("number-of-python", b"\x80\x02NI1_0\n.", "PICKLE-MALFORMED"),
    ("bytes-behind", proto(2, b"N") + ECHO, "PICKLE-TRAILING"),
    ("array-of-objects", _numpy("O8"), "PICKLE-CALL"),
    ("array-flags", _numpy(flags=63), "PICKLE-BUILD"),
    ("array-too-short", _numpy(size=4), "PICKLE-BUILD"),
)  # fmt: skip
ROW: tuple[tuple[str, str, Callable[[], Files], str], ...] = (
    ("H51", "local-name", lambda: {"m.pt": _swap(local_name="model/data.pk1")}, "ZIP-MISMATCH"),
    ("H51", "local-flags", lambda: {"m.pt": _swap(local_flags=0x0008)}, "ZIP-MISMATCH"),
    ("H52", "encrypted", lambda: {"m.pt": _swap(flags=0x0809)}, "ZIP-ENCRYPTED"),
    ("H52", "encrypted-in-directory", lambda: {"m.pt": _swap(flags=0x0809, local_flags=0x0808)}, "ZIP-MISMATCH"),
    ("H53", "bad-crc", lambda: {"m.pt": _swap(crc=1)}, "ZIP-CRC"),
    ("H54", "duplicate", lambda: {"m.pt": _with(lambda e: e.append(e[0]))}, "ZIP-DUPLICATE"),
    ("H54", "case", lambda: {"m.pt": _with(lambda e: e.append(Entry("model/Data.pkl", b"N.")))}, "ZIP-DUPLICATE"),
    ("H54", "escape", lambda: {"m.pt": _with(lambda e: e.append(Entry("model/../x", b"")))}, "ZIP-NAME"),
    ("H54", "before", lambda: {"m.zip": _zip(before=b"PK\x03\x04junk")}, "ZIP-HIDDEN"),
    ("H54", "between", lambda: {"m.pt": _zip(between=b"hidden")}, "ZIP-HIDDEN"),
    ("H54", "behind", lambda: {"m.pt": _zip(behind=ECHO)}, "ZIP-END"),
    ("H54", "no-descriptor", lambda: {"m.pt": _swap(descriptor=False)}, "ZIP-MISMATCH"),
    ("H55", "in-checkpoint", lambda: {"m.pt": torch_zip(checkpoint(ECHO, **STORES))}, "PICKLE-GLOBAL"),
    ("H55", "storage-size", lambda: {"m.pt": torch_zip(checkpoint(GOOD, _0=bytes(20), _1=bytes(8)))}, "TORCH-STORAGE"),
    ("H55", "tensor-beyond", lambda: {"m.pt": torch_zip(checkpoint(state_dict(w=tensor("0", (3, 3), 6)), _0=bytes(24)))}, "TORCH-STORAGE"),
    ("H55", "storage-missing", lambda: {"m.pt": torch_zip(checkpoint(GOOD, _0=bytes(24)))}, "TORCH-STORAGE"),
    ("H55", "storage-unused", lambda: {"m.pt": torch_zip(checkpoint(GOOD, _9=b"x" * 8, **STORES))}, "TORCH-LAYOUT"),
    ("H55", "extra-member", lambda: {"m.pt": _with(lambda e: e.append(Entry("model/x.bin", b"x")))}, "TORCH-LAYOUT"),
    ("H55", "torchscript", lambda: {"m.pt": _with(lambda e: e.append(Entry("model/code/x.py", b"x")))}, "TORCH-SCRIPT"),
    ("H56", "cut-after-reduce", lambda: {"m.pkl": ECHO[:-1]}, "PICKLE-CUT"),
    ("H56", "cut-protocol-4", lambda: {"m.pkl": proto(4, call(stacked("os", "system"), text("echo")))[:-1]}, "PICKLE-CUT"),
    *(("H57", f"under-{name}", lambda name=name: {name: ECHO}, "PICKLE-GLOBAL") for name in ("config.json", "model.safetensors", "model.bin", "model")),
    *(("H57", f"new-under-{name}", lambda name=name: {name: proto(4, call(stacked("os", "system"), text("echo")))}, "PICKLE-GLOBAL") for name in ("config.json", "model.safetensors", "README.md", "model")),
    ("H58", "gzip", lambda: {"m.pkl": gzip.compress(ECHO)}, "ARCHIVE-PICKLE"),
    ("H58", "xz", lambda: {"m.pkl": lzma.compress(ECHO)}, "ARCHIVE-PICKLE"),
    ("H58", "tar", lambda: {"m.pkl": _tar("data.pkl", ECHO)}, "ARCHIVE-PICKLE"),
    ("H58", "tar-gzip", lambda: {"m.bin": gzip.compress(_tar("data.pkl", ECHO))}, "ARCHIVE-PICKLE"),
    ("H58", "7z", lambda: {"m.pkl": b"7z\xbc\xaf\x27\x1c" + bytes(64)}, "ARCHIVE-UNREAD"),
    ("H60", "lambda", lambda: {"m.keras": keras(sequential(layer("Lambda", function={"class_name": "__lambda__"})))}, "KERAS-LAMBDA"),
    ("H60", "torch-wrapper", lambda: {"m.keras": keras(sequential(layer("TorchModuleWrapper")))}, "KERAS-CLASS"),
    ("H60", "registered", lambda: {"m.keras": keras(sequential({**layer("Dense"), "registered_name": "my>Dense"}))}, "KERAS-CLASS"),
    ("H60", "get-file", lambda: {"m.keras": keras(sequential({**layer("function", "keras.utils"), "config": "get_file"}))}, "KERAS-MODULE"),
    ("H60", "vocabulary", lambda: {"m.keras": keras(sequential(layer("StringLookup", vocabulary="/etc/passwd")))}, "KERAS-FILE"),
    ("H61", "subprocess", lambda: {"m.keras": keras(sequential(layer("run", "subprocess", args=["echo"])))}, "KERAS-MODULE"),
    ("H62", "h5-lambda", lambda: {"m.h5": hdf5(json.dumps(sequential(layer("Lambda"))).encode())}, "KERAS-LAMBDA"),
    ("H62", "h5-unread", lambda: {"m.h5": hdf5(kind=OPAQUE)}, "HDF5-UNREAD"),
    ("H57", "elf", lambda: {"m.bin": b"\x7fELF" + bytes(60)}, "PROGRAM-BINARY"),
    ("H57", "script", lambda: {"config.json": b"#!/bin/sh\necho\n"}, "PROGRAM-SCRIPT"),
)  # fmt: skip

CASES: tuple[Hostile, ...] = (
    *(
        Hostile(id="H55", name=name, files=lambda data=data: {"m.pkl": data}, expect=code)
        for name, data, code in H55
    ),
    *(Hostile(id=number, name=name, files=files, expect=code) for number, name, files, code in ROW),
)


def _plain(protocol: int) -> Files:
    """What the standard library writes of plain values."""
    value = OrderedDict(a=[1, 2.5, None, True], b={"c": (b"x", "y", -(2**70))}, d={1, 2})
    return {"m.pkl": pickle.dumps(value, protocol)}


CONTROLS: tuple[Control, ...] = (
    Control("torch-checkpoint", lambda: {"m.pt": _zip()}),
    Control(
        "keras-dense",
        lambda: {
            "m.keras": keras(
                sequential(layer("InputLayer"), layer("Dense", units=4, activation="relu"))
            )
        },
    ),
    Control("keras-h5", lambda: {"m.h5": hdf5(json.dumps(sequential(layer("Dense"))).encode())}),
    Control("numpy-array", lambda: {"m.pkl": _numpy()}),
    *(
        Control(f"plain-pickle-{protocol}", lambda protocol=protocol: _plain(protocol))
        for protocol in range(6)
    ),
)
__all__ = ["CASES", "CONTROLS", "GOOD", "STORES", "keras", "layer", "sequential", "storage"]
