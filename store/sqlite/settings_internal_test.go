package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
)

// A setting on which the promises depend, and that is not as it was asked for, keeps
// the store from opening. (F-22)
func TestSettingsAreReadBack(t *testing.T) {
	f := New(filepath.Join(t.TempDir(), "events.db"), 0)
	if err := f.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, pragma := range []string{"synchronous=NORMAL", "synchronous=OFF", "secure_delete=OFF", "wal_autocheckpoint=1000"} {
		name, _, _ := strings.Cut(pragma, "=")
		var before string
		if err := f.writer.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&before); err != nil {
			t.Fatal(err)
		}
		if _, err := f.writer.ExecContext(t.Context(), "PRAGMA "+pragma); err != nil {
			t.Fatal(err)
		}
		if err := f.check(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", pragma, err)
		}
		if _, err := f.writer.ExecContext(t.Context(), "PRAGMA "+name+"="+before); err != nil {
			t.Fatal(err)
		}
	}
}
