"""Names of Python with which code goes around a list of what it may do, and the patterns of such lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from handrail.config.regex import Regex, compiled
from handrail.errors import ConfigError


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


DYNAMIC = words(
    "exec eval compile __import__ getattr setattr delattr globals locals vars breakpoint __builtins__ execfile"
    " __loader__ __spec__ __build_class__ help"
)
"""Builtins that run text, or reach names and attributes that no reader of the code can see."""

DYNAMIC_MODULES = words(
    "builtins __builtin__ __main__ importlib imp runpy code codeop pdb bdb timeit profile cProfile trace doctest"
    " pydoc pkgutil zipimport ctypes _ctypes cffi marshal pickle _pickle cPickle dill cloudpickle joblib shelve"
    " gc inspect pty posix nt _posixsubprocess _thread _io _imp _frozen_importlib _frozen_importlib_external"
)
"""Modules that run text, load other modules, or hand out the insides of running code."""

DYNAMIC_MEMBERS = words(
    "sys.modules sys._getframe sys._current_frames sys.settrace sys.setprofile sys.meta_path sys.path_hooks"
    " sys.breakpointhook sys.displayhook sys.excepthook operator.attrgetter operator.methodcaller types.FunctionType"
    " types.LambdaType types.CodeType types.MethodType types.new_class types.ModuleType typing.get_type_hints"
    " typing.ForwardRef string.Formatter logging.config pandas.eval pandas.read_pickle numpy.load"
    " threading.settrace threading.setprofile dataclasses.make_dataclass"
    " annotationlib.ForwardRef"
)
"""Members of other modules that do the same."""

INSIDES = words(
    "gi_frame gi_code gi_yieldfrom cr_await cr_frame cr_code cr_origin ag_await ag_frame ag_code f_back f_builtins"
    " f_code f_globals f_locals f_trace tb_frame tb_next co_code co_consts co_names func_globals func_code"
    " func_closure im_class im_func im_self mro _getframe"
)
"""Attributes without underscores that lead out of a value: frames, code, tracebacks (as RestrictedPython has them)."""

MODULE_ATTRIBUTES = words(
    "os _os sys _sys builtins _builtins subprocess importlib shutil ctypes posix pickle linecache codecs inspect gc pty"
)
"""Modules that other modules hold as attributes, and that no ordinary value has."""

OPENERS = words("open fdopen open_code read_text write_text read_bytes write_bytes FileIO open_new")
"""What opens a file."""

HARMLESS = frozenset({"__name__", "__all__", "__slots__", "__version__", "__author__"})
"""Double-underscore names that ordinary code writes."""

FORMATTERS = frozenset({"format", "format_map", "vformat"})
"""Methods whose template can read attributes of what is put into it."""

TYPES = words("int str float bool list dict tuple set frozenset bytes object complex")
"""Builtins that an annotation may name."""

_ENTRY = re.compile(r"\.?[^\W\d][\w*]*(\.[\w*]+)*|\.?\*[\w*]*(\.[\w*]+)*")


def is_dunder(name: str) -> bool:
    """Whether ``name`` begins with two underscores."""
    return name.startswith("__")


@dataclass(frozen=True)
class Names:
    """The names that a list of entries allows. ``*`` stands for the rest of one part that has no underscore before."""

    entries: tuple[str, ...]
    dotted: Regex
    methods: Regex

    def allows(self, dotted: str) -> bool:
        """Whether a whole dotted name is listed."""
        return bool(self.dotted.fullmatch(dotted.encode(errors="replace")))

    def allows_attribute(self, name: str) -> bool:
        """Whether ``.name`` of any value is listed."""
        return bool(self.methods.fullmatch(name.encode(errors="replace")))


def names(entries: Iterable[str], option: str, *, prefixes: bool = False) -> Names:
    """Compile the entries of an option. Raises ConfigError for what is no dotted name.

    ``prefixes``: of every entry what stands before its last dot, and before the others: the modules that it is in.
    """
    read = tuple(unicodedata.normalize("NFKC", _entry(one, option)) for one in entries)
    plain = [one for one in read if not one.startswith(".")]
    if prefixes:
        plain = [one.rsplit(".", n)[0] for one in plain for n in range(1, one.count(".") + 1)]
    methods = [one[1:] for one in read if one.startswith(".")]
    return Names(read, compiled(_any(plain)), compiled(_any(methods)))


def _entry(entry: object, option: str) -> str:
    if not isinstance(entry, str) or not _ENTRY.fullmatch(entry) or len(entry) > 200:
        hint = 'Write names such as "len", "math.sqrt", "math.*", or ".append" for a method of any value.'
        raise ConfigError(f"python({option}=...): {entry!r:.100} is no dotted name.", hint=hint)
    return entry


def _any(entries: list[str]) -> str:
    return "|".join(map(_pattern, entries)) or r"[^\x00-\x{10FFFF}]"


def _pattern(entry: str) -> str:
    if entry.endswith(".**"):
        return _pattern(entry[:-3]) + r"(?:\.[^._][^.]*)*"
    return r"\.".join(map(_part, entry.split(".")))


def _part(part: str) -> str:
    head = "[^._][^.]*" if part.startswith("*") else ""
    return head + "[^.]*".join(map(re.escape, part.lstrip("*").split("*")))
