package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// RealPath returns the one name that a store's file has: absolute, without symbolic
// links. The file need not exist yet, nor the directories above it.
func RealPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	target, err := filepath.EvalSymlinks(path)
	if err == nil {
		return target, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("sqlite: %s: %w", path, err)
	}
	if target, err := os.Readlink(path); err == nil {
		return "", fmt.Errorf("sqlite: %s is a link to %s, which does not exist", path, target)
	}
	parent, err := RealPath(filepath.Dir(path)) // ends at the root, which exists
	if err != nil {
		return "", err
	}
	return filepath.Join(parent, filepath.Base(path)), nil
}
