package sqlite

// SetMaxKeys limits how many keys are remembered.
func (f *File) SetMaxKeys(n int) { f.maxKeys = n }

// FileSystem is what is known of the file system that a directory is on.
var FileSystem = fileSystem
