"""What methods, attributes and functions make of an open resource: data that needs it no more, or something that does.

Only what is listed counts as data. Names mean the same for everything that the catalogue knows: ``read`` copies,
``fetchall`` copies; ``execute`` may return a cursor.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


DATA_METHODS = words(
    """
    aclose bind cleanup close closed commit communicate copy_expert copy_from cwd decode delete_object disconnect
    encode exists expire extract extractall fetch_row fetchall fetchmany fetchone fetchval flush format
    get_dsn_parameters getbytes getcode getheader getheaders getnames getpeername getsockname getsockopt geturl
    getvalue hget hgetall hset incr info is_connected isatty isolation_level join json kill listen login logout
    lower lstrip mget namelist nlst ping poll printdir quit raise_for_status read read1 read_bytes read_text
    readable readall readinto readline readlines recv recv_bytes recv_into recvfrom release replace retrbinary
    rollback rstrip save seek seekable send send_bytes send_message sendall sendcmd sendmail sendto
    set_isolation_level set_session setblocking setpassword setsockopt settimeout shutdown split splitlines status
    storbinary strip tell terminate testzip tobytes truncate upper voidcmd wait writable write writelines writestr
    """
)
"""methods of what is open whose result is data: files, sockets, databases, archives, clients"""
DATA_ATTRIBUTES = words(
    """
    autocommit closed code content description encoding errno filename format height in_transaction
    isolation_level lastrowid mode name ok pid reason returncode rowcount server_version size status status_code
    text total_changes url width
    """
)
"""attributes that are numbers and texts"""
OPENING_METHODS = words(
    """
    __enter__ __iter__ acquire aggregate begin buffer channel checkout connection cursor detach download execute
    executemany executescript extractfile fileno find get_object getconn getmember getmembers imap imap_unordered
    infolist iter_batches iter_content iter_lines iter_rows iterator iterdir makefile open pipeline pubsub raw
    scan_iter scroll stream transaction
    """
)
"""methods that return what reads from the resource later"""
ROW_METHODS = words(
    """
    cursor execute fetchall fetchmany iter_content iter_lines readlines splitlines
    """
)
"""methods whose result is iterated for data"""
KEEPING_METHODS = words(
    """
    __setitem__ add addHandler add_done_callback add_reader append appendleft attach bind cache enqueue extend
    insert push put put_nowait register save_ref set setattr setdefault store submit subscribe update
    """
)
"""methods of a container or registry, which keep what they are given"""
DATA_FUNCTIONS = words(
    """
    all any base64.b64encode bool bytearray bytes callable configparser.ConfigParser copy.copy dict fcntl.flock
    fcntl.lockf float format frozenset gzip.compress hasattr hash hashlib.file_digest hashlib.md5 hashlib.sha256
    id int io.BytesIO io.StringIO isinstance issubclass json.dump json.dumps json.load json.loads len list
    marshal.dump marshal.load max min next orjson.loads os.chmod os.fchmod os.fchown os.fstat os.fsync
    os.ftruncate os.isatty os.listdir os.lseek os.lstat os.makedirs os.mkdir os.path.exists os.path.getmtime
    os.path.getsize os.path.isdir os.path.isfile os.read os.remove os.rename os.replace os.rmdir os.sendfile
    os.stat os.unlink os.utime os.write pickle.dump pickle.load plistlib.load print repr select.select set
    shutil.copy shutil.copy2 shutil.copyfile shutil.copyfileobj shutil.copytree shutil.move shutil.rmtree
    simplejson.load sorted str subprocess.call subprocess.check_call subprocess.check_output subprocess.run sum
    time.sleep toml.dump toml.load tomli.load tomllib.load tuple type ujson.load yaml.dump yaml.full_load
    yaml.load yaml.safe_dump yaml.safe_load zlib.compress zlib.decompress
    """
)
"""functions that use what they are given and keep nothing of it, and whose result is data"""
LOCKS = words("fcntl.flock fcntl.lockf fcntl.ioctl msvcrt.locking portalocker.lock")
"""functions whose effect lasts as long as the descriptor is open"""
BORROWING_METHODS = words(
    """
    copyfileobj critical debug download_fileobj dump dumps error exception execute executemany info load loads log
    patch post put put_object read_file readfp readinto safe_load send sendall sendfile upload_fileobj upload_part
    warning write write_text writelines
    """
)
"""methods of others that use what they are given and keep nothing of it"""
ROW_KINDS = frozenset({"file", "cursor", "response", "compressed", "temporary", "stream", "archive-member"})
"""kinds that are iterated for data"""
