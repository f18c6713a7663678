package sqlite_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// What is remembered is so until an operation may have changed it, also if the operation
// has failed, and not what was read before such an operation. Arrivals change nothing of it.
func TestMemo(t *testing.T) {
	s, err := store.Open(t.Context(), sqlite.New(filepath.Join(t.TempDir(), "events.db"), time.Second), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := store.NewMemo[string, int](s, 2)
	wants := func(why string, want int) (at int64) {
		t.Helper()
		got, ok, at := m.Get("a")
		if ok != (want > 0) || got != want {
			t.Errorf("%s: %d, %t; want %d", why, got, ok, want)
		}
		return at
	}
	m.Put("a", 1, wants("nothing was read", 0))
	wants("read", 1)
	_, err = s.Accept(t.Context(), &store.Arrival{
		Source: "a", To: []store.Target{{Destination: "a"}}, Type: "a", Received: time.Now(), Window: time.Hour, Head: []byte("{}"), Body: []byte("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	wants("after an arrival", 1)

	then := 0
	err = s.Do(t.Context(), func(tx *store.Tx) error {
		tx.Then(func() { _, _, at := m.Get("a"); then = int(at) })
		return nil
	})
	before := wants("after an operation", 0)
	if err != nil || then != int(before) {
		t.Errorf("%v; who is told first is at %d, and it is %d", err, then, before)
	}
	if err := s.Do(t.Context(), func(*store.Tx) error { return errors.New("no") }); err == nil {
		t.Fatal("no error")
	}
	m.Put("a", 2, before)
	m.Put("a", 3, wants("read before an operation", 0))
	wants("read after it", 3)

	_, _, at := m.Get("b")
	m.Put("b", 1, at)
	m.Put("c", 1, at)
	wants("there is room for two others", 0)
	m.Put("a", 4, at)
	s.Close()
	m.Put("a", 5, wants("closed", 0))
	wants("closed", 0)
}
