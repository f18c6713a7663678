package sqlite

import "golang.org/x/sys/unix"

const (
	volatile  = "everything in it is gone when the machine restarts, acknowledged events too; give the store a disk"
	container = "what is written there goes with the container, acknowledged events too; mount a volume and put the store on it"
	network   = "SQLite's log needs locks and shared memory that network file systems do not keep reliably; give the store a local disk, or use PostgreSQL"
	user      = "whether an fsync is one depends on a program; give the store a local disk"
)

// suspect are file systems, by the number that statfs gives them, that a store had
// better not be on.
var suspect = map[int64]struct{ name, why string }{
	unix.TMPFS_MAGIC:           {"tmpfs", volatile},
	unix.RAMFS_MAGIC:           {"ramfs", volatile},
	unix.OVERLAYFS_SUPER_MAGIC: {"overlayfs", container},
	unix.NFS_SUPER_MAGIC:       {"NFS", network},
	unix.SMB_SUPER_MAGIC:       {"SMB", network},
	unix.SMB2_SUPER_MAGIC:      {"SMB", network},
	unix.CIFS_SUPER_MAGIC:      {"CIFS", network},
	unix.CEPH_SUPER_MAGIC:      {"CephFS", network},
	unix.AFS_SUPER_MAGIC:       {"AFS", network},
	unix.CODA_SUPER_MAGIC:      {"Coda", network},
	unix.V9FS_MAGIC:            {"9p", network},
	unix.FUSE_SUPER_MAGIC:      {"FUSE", user},
}

// fileSystem returns the name of the file system that a directory is on, and why a
// store had better not be there; nothing if it may.
func fileSystem(dir string) (name, why string) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return "", ""
	}
	found := suspect[int64(uint32(s.Type))] // the type differs between processors, and the numbers have 32 bits
	return found.name, found.why
}
