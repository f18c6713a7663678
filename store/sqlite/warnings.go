package sqlite

import "path/filepath"

// Warnings says, in sentences for people, why the place of an open file may not keep
// what is acknowledged: a file system in memory, one that goes with its container, or
// one on which locks and fsync are not to be relied on.
func (f *File) Warnings() []string {
	name, why := fileSystem(filepath.Dir(f.path))
	if why == "" {
		return nil
	}
	return []string{"the store " + f.path + " is on " + name + ": " + why}
}
