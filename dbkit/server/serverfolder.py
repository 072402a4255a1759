"""The folder of one embedded server: who owns it, and where its cluster and its socket are.

lock        locked while the server is started or stopped
running     locked by the server, until the last of its processes has ended
holders/    a locked file for every process that uses the server
log         what the server prints
.gitignore  keeps all of it out of the project's history
cluster     a link to a folder 0700 with the data, where the server's account can reach it
socket      a link to the folder of the socket: the cluster, or one with a shorter path
"""

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dbkit.server.account import Account, choose_account, choose_nameless
from dbkit.server.errors import (
    ClusterGone,
    ForeignFolder,
    LineBreakInPath,
    NeverStarted,
    NoRoomElsewhere,
)
from dbkit.server.listening import fits_an_address

# never $XDG_RUNTIME_DIR: it vanishes at logout, and the server stays
_ELSEWHERE = (Path("/var/lib/dbkit"), Path("/var/tmp"), Path("/tmp"))  # noqa: S108 - mkdtemp's names
_SHORT = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - mkdtemp's names

_PRIVATE = 0o700
_PASSABLE = 0o711


@dataclass(frozen=True)
class ServerFolder:
    """The folder of one embedded server; `path` is absolute and without links."""

    path: Path

    @property
    def lock(self) -> Path:
        """The file that is locked while the server is started or stopped."""
        return self.path / "lock"

    @property
    def running(self) -> Path:
        """The file that the server and every process of it keep locked."""
        return self.path / "running"

    @property
    def holders(self) -> Path:
        """The folder with a locked file for every process that uses the server."""
        return self.path / "holders"

    @property
    def log(self) -> Path:
        """The file with what the server prints."""
        return self.path / "log"

    @property
    def cluster(self) -> Path:
        """The folder 0700 with the data."""
        return (self.path / "cluster").resolve()

    @property
    def data(self) -> Path:
        """The data folder, as PostgreSQL calls it."""
        return self.cluster / "data"

    @property
    def copies(self) -> Path:
        """The folder for copies of programs that the server's account could not read."""
        return self.cluster.parent / "binaries"

    @property
    def account(self) -> Account:
        """The account that owns the cluster and runs the server."""
        owner = self.cluster.stat()
        return Account(owner.st_uid, owner.st_gid)

    def exists(self) -> bool:
        """Say whether the folder is there, and refuse it if it is not ours."""
        try:
            owner = self.path.stat().st_uid
        except FileNotFoundError:
            return False
        if owner != os.geteuid():
            raise ForeignFolder(self.path, _name_of(owner))
        return True

    def create(self) -> None:
        """Make the folder if it is missing; the server's account can pass through it."""
        if self.exists():
            return
        with suppress(FileExistsError):
            self.path.mkdir()
            self.path.chmod(_PASSABLE)
            (self.path / ".gitignore").write_text("*\n", encoding="utf-8")

    def socket_folder(self) -> Path:
        """Return the folder of the socket, if it is private to this server."""
        with suppress(OSError):
            folder = (self.path / "socket").resolve(strict=True)
            if self._is_private(folder) and (folder == self.cluster or self._is_marked(folder)):
                return folder
        raise NeverStarted(self.path)

    def prepare(self) -> None:
        """Make the folders of the cluster and the socket where they are missing; under the lock."""
        self._prepare_cluster()
        with suppress(NeverStarted):
            if fits_an_address(self.socket_folder()):
                return
        link = self.path / "socket"
        link.unlink(missing_ok=True)
        if fits_an_address(self.cluster):
            link.symlink_to("cluster")
        else:
            folder = self._make_elsewhere(_SHORT, self.account, "a socket with a short path")
            _give(folder, self.account)
            link.symlink_to(folder)

    def close_to_others(self) -> None:
        """Give the cluster to an account of its own; under the lock, while no server runs.

        Whoever runs programs with the account of the server is its superuser, and many services
        are `nobody`. The cluster is given last: until then, the next start begins again.
        """
        before = self.account
        if not before.has_name or (account := choose_nameless()) is None:
            return
        if account.can_enter(self.cluster.parent):
            socket = (self.path / "socket").resolve()
            for folder in (*_linked(self.data), *({socket} - {self.cluster}), self.cluster):
                _give_all(folder, before, account)

    def open_to_initdb(self) -> None:
        """Give a cluster without data to an account with a name; under the lock."""
        if not self.account.has_name:
            _give(self.cluster, choose_account())

    def clear(self) -> None:
        """Delete the cluster and what belongs to it; under the lock, when no process is left."""
        for link in (self.path / "socket", self.path / "cluster"):
            target = link.resolve()
            link.unlink(missing_ok=True)
            # a link that a user made, or that was copied with a project, leads to what is not ours
            for folder in (target, target.parent):
                if folder.parent == self.path or self._is_marked(folder):
                    shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.path / "binaries", ignore_errors=True)

    def _prepare_cluster(self) -> None:
        link = self.path / "cluster"
        if link.is_symlink() and not link.exists():
            raise ClusterGone(self.path, self.cluster)
        if link.exists():
            if os.geteuid() not in {0, self.account.uid}:
                raise ForeignFolder(self.cluster, _name_of(self.account.uid))
            return
        if any(line_break in str(self.path) for line_break in "\r\n"):
            raise LineBreakInPath(self.path)
        account = choose_account()
        parent = self.path
        if not account.can_enter(parent):
            # the account cannot enter a folder above, and we do not change the rights of that
            parent = self._make_elsewhere(_ELSEWHERE, account, "the server's data")
            parent.chmod(_PASSABLE)
        # each cluster has its own name: a server whose folder was moved or deleted removes its
        # socket when it ends, by the path that it was started with
        cluster = Path(tempfile.mkdtemp(prefix="cluster-", dir=parent))
        _give(cluster, account)
        link.symlink_to(cluster.name if parent == self.path else cluster)

    def _make_elsewhere(self, parents: tuple[Path, ...], account: Account, what: str) -> Path:
        for parent in parents:
            with suppress(OSError):
                if not parent.exists():
                    parent.mkdir()
                    parent.chmod(_PASSABLE)
                if account.can_enter(parent):
                    # a new folder with a random name: nobody can have made it before us
                    return Path(tempfile.mkdtemp(prefix=self._mark(), dir=parent))
        raise NoRoomElsewhere(what, parents)

    def _is_private(self, folder: Path) -> bool:
        status = folder.stat()
        return status.st_mode == stat.S_IFDIR | _PRIVATE and status.st_uid == self.account.uid

    def _is_marked(self, folder: Path) -> bool:
        return folder.name.startswith(self._mark())

    def _mark(self) -> str:
        # the inode: a project that was moved keeps it, and a copy of a project has another one
        return f"dbkit-{self.path.stat().st_ino:x}-"


def _linked(data: Path) -> Iterator[Path]:
    """Yield the folders of the data that lie elsewhere."""
    links = (data / "pg_wal", *(data / "pg_tblspc").glob("*"))
    return (link.resolve() for link in links if link.is_symlink())


def _give_all(folder: Path, before: Account, account: Account) -> None:
    # by descriptors and without following links, because `before` could exchange what is here
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(top).st_uid != before.uid:
            return
        for _, folders, files, within in os.fwalk(".", topdown=False, dir_fd=top):
            for name in (*folders, *files):
                if os.stat(name, dir_fd=within, follow_symlinks=False).st_uid == before.uid:
                    os.chown(name, account.uid, account.gid, dir_fd=within, follow_symlinks=False)
        os.fchown(top, account.uid, account.gid)
    finally:
        os.close(top)


def _give(folder: Path, account: Account) -> None:
    folder.chmod(_PRIVATE)
    if not account.is_ours:
        os.chown(folder, account.uid, account.gid)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
