# mypy: ignore-errors
# ruff: noqa
"""Correct use of files, archives, temporary files and mappings."""

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import mmap
import shelve
import tarfile
import tempfile
import wave
import zipfile
from pathlib import Path


def read_json(path):
    with open(path) as source:  # acquire: open
        return json.load(source)


def count_lines(path):
    source = open(path)  # acquire: open
    try:
        return sum(1 for line in source)
    finally:
        source.close()  # release: source


def write_report(path, rows):
    target = open(path, "w")  # acquire: open
    try:
        for row in rows:
            target.write(row.text())
    finally:
        target.close()  # release: target


def copy_text(here, there):
    with open(here) as source, open(there, "w") as target:  # acquire: open
        target.write(source.read())


def first_of_many(paths):
    for path in paths:
        source = open(path)  # acquire: open
        try:
            if source.readline().startswith("#!"):
                return path
        finally:
            source.close()  # release: source
    return None


def open_if_given(path):
    source = None
    try:
        if path:
            source = open(path)  # acquire: open
            return source.read()
    finally:
        if source is not None:
            source.close()  # release: source


def close_on_error(path, convert):
    source = open(path)  # acquire: open
    try:
        data = convert(source)
    except BaseException:
        source.close()  # release: source
        raise
    source.close()  # release: source
    return data


def close_in_else(path, convert):
    source = open(path)  # acquire: open
    try:
        data = convert(source)
    except:
        source.close()  # release: source
        raise
    else:
        source.close()  # release: source
    return data


def hand_over(path, check):
    source = open(path)  # acquire: open
    try:
        check(source)
    except BaseException:
        source.close()  # release: source
        raise
    return source


def read_table(path):
    with Path(path).open(newline="") as source:  # acquire: Path(path).open
        return list(csv.reader(source))


def read_path(path):
    place = Path(path)
    source = place.open()  # acquire: place.open
    try:
        return source.read()
    finally:
        source.close()  # release: source


def with_binary(path, parse):
    source = io.open(path, "rb")  # acquire: io.open
    with source:
        return parse(source.read())


def unpack(path, parse):
    with gzip.open(path) as source:  # acquire: gzip.open
        return parse(source)


def unpack_bz2(path, parse):
    source = bz2.open(path)  # acquire: bz2.open
    try:
        return parse(source)
    finally:
        source.close()  # release: source


def unpack_lzma(path, parse):
    with contextlib.closing(lzma.open(path)) as source:  # acquire: lzma.open
        return parse(source)


def list_archive(path):
    with zipfile.ZipFile(path) as archive:  # acquire: zipfile.ZipFile
        return archive.namelist()


def write_archive(path, names):
    archive = zipfile.ZipFile(path, "w")  # acquire: zipfile.ZipFile
    try:
        for name in names:
            archive.write(name)
    finally:
        archive.close()  # release: archive


def extract_all(path, there):
    with tarfile.open(path) as archive:  # acquire: tarfile.open
        archive.extractall(there)


def count_shelf(path, key):
    with shelve.open(path) as shelf:  # acquire: shelve.open
        shelf.update(key)


def sample_rate(path):
    sound = wave.open(path)  # acquire: wave.open
    try:
        return sound.getframerate()
    finally:
        sound.close()  # release: sound


def scratch(data, work):
    with tempfile.TemporaryFile() as scratch_file:  # acquire: tempfile.TemporaryFile
        scratch_file.write(data)
        return work(scratch_file)


def named_scratch(data, work):
    scratch_file = tempfile.NamedTemporaryFile()  # acquire: tempfile.NamedTemporaryFile
    try:
        scratch_file.write(data)
        return work(scratch_file.name)
    finally:
        scratch_file.close()  # release: scratch_file


def in_folder(work):
    with tempfile.TemporaryDirectory() as folder:  # acquire: tempfile.TemporaryDirectory
        return work(folder)


def mapped(descriptor, parse):
    view = mmap.mmap(descriptor, 0)  # acquire: mmap.mmap
    try:
        return parse(view.read())
    finally:
        view.close()  # release: view


def merge(paths, there, join):
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(open(there, "w"))  # acquire: open
        target.write(join(paths))


def register_close(path, parse):
    with contextlib.ExitStack() as stack:
        source = open(path)  # acquire: open
        stack.callback(source.close)  # release: source
        return parse(source)


def nested(here, there, convert):
    source = open(here)  # acquire: open
    try:
        target = open(there, "w")  # acquire: open
        try:
            target.write(convert(source.read()))
        finally:
            target.close()  # release: target
    finally:
        source.close()  # release: source


def guarded(path, verbose, note):
    log = None
    if verbose:
        log = open(path, "a")  # acquire: open
    try:
        note(log)
    finally:
        if log:
            log.close()  # release: log


def retried(path, attempts, parse):
    for attempt in range(attempts):
        try:
            source = open(path)  # acquire: open
        except OSError:
            continue
        try:
            return parse(source)
        finally:
            source.close()  # release: source
    return None


def by_helper(path, parse):
    source = open(path)  # acquire: open
    try:
        return parse(source)
    finally:
        shut(source)  # release: source


def shut(resource):
    resource.close()
