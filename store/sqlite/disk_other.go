//go:build !unix

package sqlite

// diskFree returns -1: nobody knows.
func diskFree(string) (int64, error) { return -1, nil }
