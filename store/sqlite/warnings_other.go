//go:build !linux

package sqlite

// fileSystem knows nothing here.
func fileSystem(string) (name, why string) { return "", "" }
