"""Probes of files, archives, tables, arrays and documents that libraries open."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from tests.conformance.probe import library, probe, scratch

_numbers = itertools.count()


def _new(ending: str) -> str:
    return scratch(f"{next(_numbers)}.{ending}")


def _made(ending: str, make: Callable[[str], Any]) -> str:
    """A file of the probe's folder, made by ``make`` once."""
    path = scratch(f"made.{ending}")
    made = functools.cache(lambda: make(path))
    if path not in _paths:
        made()
        _paths.add(path)
    return path


_paths: set[str] = set()


def _text(path: str) -> None:
    with open(path, "w") as file:
        file.writelines("1,2\n" * 50_000)


def text() -> str:
    return _made("csv", _text)


@probe("smart_open.file")
def _() -> Any:
    return library("smart_open").open(text())


@functools.cache
def filesystem() -> Any:
    return library("fsspec").filesystem("file")


@probe("fsspec.file")
def _() -> Any:
    return filesystem().open(text())


@probe("aiofiles.file", block=lambda: library("aiofiles").open(text()))
async def _() -> Any:
    return await library("aiofiles").open(text())


@probe("aiofiles.temporary", block=lambda: library("aiofiles.tempfile").NamedTemporaryFile())
async def _() -> Any:
    return await library("aiofiles.tempfile").NamedTemporaryFile()


@probe("anyio.file")
async def _() -> Any:
    return await library("anyio").open_file(text())


@probe("zstandard.file")
def _() -> Any:
    return library("zstandard").open(_new("zst"), "wb")


@probe("lz4.file")
def _() -> Any:
    return library("lz4.frame").open(_new("lz4"), "wb")


@probe("py7zr.archive")
def _() -> Any:
    return library("py7zr").SevenZipFile(_new("7z"), "w")


@probe("pandas.reader")
def _() -> Any:
    return library("pandas").read_csv(text(), chunksize=10)


@probe("pandas.reader.iterator")
def _() -> Any:
    return library("pandas").read_csv(text(), iterator=True)


def _workbook(path: str) -> None:
    workbook = library("openpyxl").Workbook()
    workbook.active["A1"] = 1
    workbook.save(path)


@probe("pandas.excel_file")
def _() -> Any:
    return library("pandas").ExcelFile(_made("xlsx", _workbook))


@probe("pandas.excel_writer")
def _() -> Any:
    pandas = library("pandas")
    writer = pandas.ExcelWriter(_new("xlsx"), engine="openpyxl")
    pandas.DataFrame([1]).to_excel(writer)
    return writer


@probe("openpyxl.read_only")
def _() -> Any:
    return library("openpyxl").load_workbook(_made("xlsx", _workbook), read_only=True)


def _written(workbook: Any) -> bool:
    """A workbook that was not closed has written nothing."""
    return not library("os.path").exists(workbook.filename)


@probe("xlsxwriter.workbook", alive=_written)
def _() -> Any:
    workbook = library("xlsxwriter").Workbook(_new("xlsx"))
    workbook.add_worksheet()
    return workbook


@probe("pyarrow.parquet_file")
def _() -> Any:
    def write(path: str) -> None:
        pyarrow = library("pyarrow")
        library("pyarrow.parquet").write_table(pyarrow.table({"a": [1]}), path)

    return library("pyarrow.parquet").ParquetFile(_made("parquet", write))


@probe("pyarrow.parquet_writer")
def _() -> Any:
    pyarrow = library("pyarrow")
    return library("pyarrow.parquet").ParquetWriter(_new("parquet"), pyarrow.schema([("a", pyarrow.int64())]))


@probe("pyarrow.os_file")
def _() -> Any:
    return library("pyarrow").OSFile(text())


@probe("pyarrow.memory_map")
def _() -> Any:
    return library("pyarrow").memory_map(text())


@probe("tinydb.database")
def _() -> Any:
    return library("tinydb").TinyDB(_new("json"))


@probe("lmdb.environment")
def _() -> Any:
    return library("lmdb").open(_new("lmdb"))


@probe("h5py.file")
def _() -> Any:
    return library("h5py").File(_new("h5"), "w")


@probe("netcdf4.dataset")
def _() -> Any:
    dataset = library("netCDF4").Dataset(_new("nc"), "w")
    dataset.createDimension("x", 1)  # an empty one has no cycle and goes with its last reference
    return dataset


@probe("numpy.npz")
def _() -> Any:
    def save(path: str) -> None:
        library("numpy").savez(path, a=[1])

    return library("numpy").load(_made("npz", save))


@probe("pil.image")
def _() -> Any:
    def save(path: str) -> None:
        library("PIL.Image").new("RGB", (8, 8)).save(path)

    return library("PIL.Image").open(_made("png", save))


def _document(path: str) -> None:
    writer = library("pypdf").PdfWriter()
    writer.add_blank_page(72, 72)
    writer.write(path)


@probe("pdfplumber.pdf")
def _() -> Any:
    return library("pdfplumber").open(_made("pdf", _document))


@probe("pymupdf.document")
def _() -> Any:
    return library("pymupdf").open(_made("pdf", _document))


@probe("fitz.document")
def _() -> Any:
    return library("fitz").open(_made("pdf", _document))


@probe("soundfile.file")
def _() -> Any:
    return library("soundfile").SoundFile(_new("wav"), "w", samplerate=8000, channels=1)


@probe("rasterio.dataset")
def _() -> Any:
    def save(path: str) -> None:
        library("PIL.Image").new("L", (8, 8)).save(path)

    return library("rasterio").open(_made("tif", save))
