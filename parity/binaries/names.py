"""Knows the names of files that need not be opened: text and tables that no GPU code lies in."""

from __future__ import annotations

_TEXT = frozenset(
    {
        "py", "pyc", "pyi", "pyx", "pxd", "h", "hpp", "cuh", "cu", "hip", "c", "cc", "cpp", "inl", "inc", "cmake",
        "txt", "md", "rst", "json", "jsonl", "yaml", "yml", "toml", "cfg", "ini", "xml", "html", "htm", "css", "js",
        "ts", "map", "svg", "png", "jpg", "jpeg", "gif", "ico", "ttf", "woff", "woff2", "csv", "tsv", "pem", "po", "mo",
        "pot", "npy", "npz", "parquet", "ipynb", "proto", "f90", "pyf", "template", "jinja", "j2", "sh", "bat", "ps1",
        "typed", "safetensors", "gguf", "pt", "pth", "onnx",
    }
)  # fmt: skip


def is_told_text(path: str) -> bool:
    """Return whether the file's name says that it holds no device code.

    >>> is_told_text("torch/__init__.py"), is_told_text("lib/libtorch_cuda.so"), is_told_text("lib/libx.so.1.2")
    (True, False, False)
    """
    name = path[path.rfind("/") + 1 :]
    return name[name.rfind(".") + 1 :].lower() in _TEXT if "." in name else False
