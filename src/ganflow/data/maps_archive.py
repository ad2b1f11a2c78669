"""The maps archive, unpacked as far as asked. Nothing that it says of itself is believed."""

import gzip
import hashlib
import io
import tarfile
import zlib
from pathlib import Path

from ganflow.data.download import SourceError

LARGEST = 8 * 2**20  # bytes of one picture: those of the set have at most 170 kB
HEADERS = 2**16  # bytes that may describe one entry
FOLDERS = ("", "maps", "maps/train", "maps/val")


def unpack(archive: Path, manifest: dict[str, str], wanted: set[str], folder: Path) -> None:
    """Write the wanted members below `folder`, refusing an archive that holds anything the manifest does not know.

    Members are written to paths made from the manifest's own names, never to a path that the archive gives. Memory and
    time are bounded, whatever sizes and however many entries the archive announces.

    Raises:
        SourceError: it is damaged, lacks a wanted member, or holds something else.
    """
    missing, seen = set(wanted), set()
    try:
        with gzip.open(archive) as stream:
            bounded = _Bounded(stream)
            with tarfile.open(fileobj=bounded, mode="r:") as members:
                while (member := members.next()) is not None:
                    name = _known_name(member, manifest)
                    if name in seen:
                        raise SourceError(f"it holds {name!r} more than once")
                    seen.add(name)
                    if name in missing:
                        bounded.left = LARGEST
                        stored = members.extractfile(member)
                        assert stored is not None, "it is a file"
                        content = stored.read()
                        if (actual := hashlib.sha256(content).hexdigest()) != manifest[name]:
                            raise SourceError(f"the sha256 of {name} is {actual}, not {manifest[name]}")
                        path = folder / Path(name).relative_to("maps")
                        path.parent.mkdir(exist_ok=True)
                        path.write_bytes(content)
                        missing.remove(name)
                    bounded.left = HEADERS
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError) as fault:
        raise SourceError(f"it is truncated or damaged ({fault})") from None
    if missing:
        first = min(missing, key=lambda name: (name.rpartition("/")[0], len(name), name))
        raise SourceError(f"it lacks {len(missing)} of {len(wanted)} files, among them {first}")


def _known_name(member: tarfile.TarInfo, manifest: dict[str, str]) -> str:
    """The member's name, if it is one of the set's pictures or folders."""
    if member.isdir() and (folder := member.name.strip("./")) in FOLDERS:
        return folder
    if not member.isfile() or member.name not in manifest:
        raise SourceError(f"it holds {member.name[:200]!r}, which is not a file of the manifest")
    if member.issparse() or not 0 <= member.size <= LARGEST:  # tarfile would fill the gaps with zeros, in memory
        raise SourceError(f"its {member.name} is no picture of at most {LARGEST / 2**20:g} MiB")
    return member.name


class _Bounded(io.BufferedIOBase):
    """A stream of which at most `left` bytes are read until `left` is set anew; skipping is free.

    tarfile reads whatever a header announces into memory, a name of 4 GB too.
    """

    def __init__(self, stream: gzip.GzipFile) -> None:
        self.left = HEADERS
        self._stream = stream

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= self.left:
            raise SourceError(f"it announces an entry of {size} bytes where at most {self.left} are read")
        self.left -= size
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()
