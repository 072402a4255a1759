"""The folder of one embedded server: whose it is, and where its cluster and its socket live.

lock      held while the server is started or stopped
running   held by the server and every process of it, for as long as one of them lives
holders/  a locked file for every process that uses the server
log       what the server says
.gitignore  keeps all of it out of the project's history
cluster   a link to a folder 0700 with the data, where the server's account can reach it
socket    a link to the folder of the socket: the cluster, or one with a shorter path
"""

import os
import pwd
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dbkit.server.account import Account, choose_account
from dbkit.server.errors import ClusterGone, ForeignFolder, NeverStarted, NoRoomElsewhere
from dbkit.server.traces import fits_an_address

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
        """Held while the server is started or stopped."""
        return self.path / "lock"

    @property
    def running(self) -> Path:
        """Held by the server and every process of it."""
        return self.path / "running"

    @property
    def holders(self) -> Path:
        """A locked file for every process that uses the server."""
        return self.path / "holders"

    @property
    def log(self) -> Path:
        """What the server says."""
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
        """Where programs are copied that the server's account could not read."""
        return self.cluster.parent / "binaries"

    @property
    def account(self) -> Account:
        """The account that owns the cluster and runs the server."""
        owner = self.cluster.stat()
        return Account(owner.st_uid, owner.st_gid)

    def exists(self) -> bool:
        """Tell whether the folder is there, and refuse it if it is not ours."""
        try:
            owner = self.path.stat().st_uid
        except FileNotFoundError:
            return False
        if owner != os.geteuid():
            raise ForeignFolder(self.path, _name_of(owner))
        return True

    def create(self) -> None:
        """Make the folder if it is missing: open for passing through, as the account must."""
        if self.exists():
            return
        with suppress(FileExistsError):
            self.path.mkdir()
            self.path.chmod(_PASSABLE)
            (self.path / ".gitignore").write_text("*\n", encoding="utf-8")

    def socket_folder(self) -> Path:
        """Return the folder of the socket, once it is known to be this server's alone."""
        with suppress(OSError):
            place = (self.path / "socket").resolve(strict=True)
            if self._is_private(place) and (place == self.cluster or self._is_marked(place)):
                return place
        raise NeverStarted(self.path)

    def prepare(self) -> None:
        """Make the cluster's folder and choose the socket's, where that is not done; under lock."""
        self._prepare_cluster()
        with suppress(NeverStarted):
            if fits_an_address(self.socket_folder()):
                return
        link = self.path / "socket"
        link.unlink(missing_ok=True)
        if fits_an_address(self.cluster):
            link.symlink_to("cluster")
        else:
            place = self._make_elsewhere(_SHORT, self.account, "a socket with a short path")
            _give(place, self.account)
            link.symlink_to(place)

    def clear(self) -> None:
        """Delete the cluster and what belongs to it; under lock, and once no process is left."""
        for link in (self.path / "socket", self.path / "cluster"):
            place = link.resolve()
            link.unlink(missing_ok=True)
            # where else a link may lead, by a user's hand or in a copied project, is not ours
            for ours in (place, place.parent):
                if ours.parent == self.path or self._is_marked(ours):
                    shutil.rmtree(ours, ignore_errors=True)
        shutil.rmtree(self.path / "binaries", ignore_errors=True)

    def _prepare_cluster(self) -> None:
        link = self.path / "cluster"
        if link.is_symlink() and not link.exists():
            raise ClusterGone(self.path, self.cluster)
        if link.exists():
            if os.geteuid() not in {0, self.account.uid}:
                raise ForeignFolder(self.cluster, _name_of(self.account.uid))
            return
        account = choose_account()
        place = self.path
        if not account.can_enter(place):
            # a parent folder is closed to the account, and is not ours to open
            place = self._make_elsewhere(_ELSEWHERE, account, "the server's data")
            place.chmod(_PASSABLE)
        # each cluster has a name of its own, because a server whose folder was moved or deleted
        # removes its socket when it ends, by the path it began with
        cluster = Path(tempfile.mkdtemp(prefix="cluster-", dir=place))
        _give(cluster, account)
        link.symlink_to(cluster.name if place == self.path else cluster)

    def _make_elsewhere(self, places: tuple[Path, ...], account: Account, what: str) -> Path:
        for place in places:
            with suppress(OSError):
                if not place.exists():
                    place.mkdir()
                    place.chmod(_PASSABLE)
                if account.can_enter(place):
                    # a name nobody can foresee, made by us: so nobody can have prepared it
                    return Path(tempfile.mkdtemp(prefix=self._mark(), dir=place))
        raise NoRoomElsewhere(what, places)

    def _is_private(self, place: Path) -> bool:
        found = place.stat()
        return found.st_mode == stat.S_IFDIR | _PRIVATE and found.st_uid == self.account.uid

    def _is_marked(self, place: Path) -> bool:
        return place.name.startswith(self._mark())

    def _mark(self) -> str:
        # the inode, because a moved project keeps its places and a copied one must not have them
        return f"dbkit-{self.path.stat().st_ino:x}-"


def _give(folder: Path, account: Account) -> None:
    folder.chmod(_PRIVATE)
    if not account.is_ours:
        os.chown(folder, account.uid, account.gid)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
